"""The text that stands for each class."""

from collections.abc import Mapping


def class_texts(prompt: str, noun: str, classes: Mapping[str, str]) -> list[str]:
    """The text of each class, in the order of the class numbers; the names are put in as they are."""
    return [prompt.replace("{noun}", noun).replace("{class}", classes[class_id]) for class_id in sorted(classes)]
