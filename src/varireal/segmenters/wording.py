"""What the detector is asked for, from the noun and a class name, which is data and may hold anything."""

import re

# What ends a label for Grounding DINO (full stop, question mark), what its tokenizer reads as a token of its own
# ([SEP]), and whatever breaks a line.
_BREAKS = re.compile(r"[.?\[\]\s\x00-\x1f\x7f]+")
_FIELDS = re.compile(r"\{(noun|class)\}")


def detector_text(template: str, noun: str, class_name: str) -> str:
    """One label for the detector, without a full stop at its end, which its processor adds.

    Published (VariReal, ``grounding_mask.py``): article, noun of the data set, class, full stop.

    Args:
        template: text with ``{class}`` and perhaps ``{noun}``.
        noun: what all classes are; may be empty.
        class_name: display name, any text; characters that the detector would read as syntax become spaces.
    """
    values = {"noun": _plain(noun), "class": _plain(class_name)}
    return " ".join(_FIELDS.sub(lambda field: values[field[1]], template).split())


def _plain(text: str) -> str:
    return _BREAKS.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))
