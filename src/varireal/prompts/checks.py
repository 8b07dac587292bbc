"""Checks of a class's prompts that need no backend: what a person or a language model easily gets wrong.

An error makes the prompts unusable for the question that is asked of them; a warning is worth a look.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from varireal.attributes import BACKGROUND, attribute_row
from varireal.prompts.reading import mentioned, normalize
from varireal.records import Prompt

MAX_NAME, MAX_DESCRIPTION = 60, 300
# Two names this alike (0..100, edit distance) are most often one name with a slip.
NEAR_DUPLICATE = 95.0
ERROR, WARNING = "error", "warning"
# Version of the checks of what a language model wrote, which are more than those of banks. 1: as first published.
# 2: flaws of wording (prompts.flaws), nearer colours, duplicates in meaning by a threshold that is measured.
# Who changes what is refused raises it, and lets what was asked for under the number before be checked as then.
RULES = 2
Setting = tuple[str, str]  # attribute, feasibility


class ProblemCode(StrEnum):
    """What is wrong with a prompt, or with the prompts of a setting."""

    EMPTY_NAME = "empty_name"
    TOO_LONG = "too_long"
    CONTROL_CHARACTER = "control_character"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    OVERLAP = "overlap"
    CLASS_NAME_LEAK = "class_name_leak"
    OTHER_CLASS_LEAK = "other_class_leak"
    NOUN_LEAK = "noun_leak"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes:
        code: a value of ProblemCode.
        prompt_id: the prompt; ``class.attribute.feasibility`` when it is the setting that falls short.
        message: one sentence for a person.
        severity: error or warning.
    """

    code: str
    prompt_id: str
    message: str
    severity: str


def check_prompts(
    prompts: Sequence[Prompt], *, noun: str, class_names: Mapping[str, str], minimum: Mapping[Setting, int]
) -> list[Problem]:
    """Every problem of the prompts, class by class, in a stable order.

    Args:
        prompts: prompts of one class or of several.
        noun: what the objects of the data set are.
        class_names: class id -> display name, for all classes of the study.
        minimum: how many different prompts each setting needs; a setting that is not named needs none.

    Returns:
        For each class that has prompts: texts and leaks first, then duplicates, overlaps and counts.
    """
    by_class: dict[str, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        by_class[prompt.class_id].append(prompt)
    problems: list[Problem] = []
    for class_id, members in by_class.items():
        for prompt in members:
            problems += text_problems(prompt)
            if attribute_row(prompt.attribute).region == BACKGROUND:
                problems += _leaks(prompt, noun, class_names)
        settings: dict[Setting, dict[str, Prompt]] = defaultdict(dict)
        for prompt in members:
            problems += _repeats(prompt, settings[prompt.attribute, prompt.feasibility])
        problems += _overlaps(settings)
        problems += _shortfalls(class_id, settings, minimum)
    return problems


def text_problems(prompt: Prompt) -> Iterator[Problem]:
    """What is wrong with the texts of one prompt: empty, too long, or with characters that a reader cannot see."""
    if not prompt.name.strip():
        yield Problem(ProblemCode.EMPTY_NAME, prompt.prompt_id, "the name is empty; give it a few words", ERROR)
    for label, text, limit in (("name", prompt.name, MAX_NAME), ("description", prompt.description, MAX_DESCRIPTION)):
        if len(text) > limit:
            message = f"the {label} has {len(text)} characters, at most {limit} are read well; shorten it"
            yield Problem(ProblemCode.TOO_LONG, prompt.prompt_id, message, ERROR)
        odd = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI), None)
        if odd is not None:
            message = f"the {label} holds the control character U+{ord(odd):04X}; remove it"
            yield Problem(ProblemCode.CONTROL_CHARACTER, prompt.prompt_id, message, ERROR)


# Marks that reorder what a reader sees (Unicode Technical Report 36); joiners stay legal, scripts and emoji need them.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _leaks(prompt: Prompt, noun: str, class_names: Mapping[str, str]) -> Iterator[Problem]:
    """A background that names the object tells an editor to draw a second one, and a classifier the answer."""
    class_name = class_names.get(prompt.class_id)
    for name in mentioned(prompt.text, tuple(class_names.values())):
        if name == class_name:
            message = f"{prompt.text!r} names its class {class_name!r}; describe the place alone"
            yield Problem(ProblemCode.CLASS_NAME_LEAK, prompt.prompt_id, message, ERROR)
        else:
            message = f"{prompt.text!r} names another class, {name!r}; describe the place alone"
            yield Problem(ProblemCode.OTHER_CLASS_LEAK, prompt.prompt_id, message, WARNING)
    if mentioned(prompt.text, (noun,)):
        message = f"{prompt.text!r} holds the noun {noun!r}, an editor may draw a second one; describe the place alone"
        yield Problem(ProblemCode.NOUN_LEAK, prompt.prompt_id, message, WARNING)


def _repeats(prompt: Prompt, known: dict[str, Prompt]) -> Iterator[Problem]:
    """Compare with the setting's earlier prompts (normal name -> prompt), then join them."""
    from rapidfuzz import fuzz  # here, because every job of a workflow imports this module and few check prompts

    normal = normalize(prompt.name)
    if not normal:
        return
    if normal in known:
        message = f"{prompt.name!r} repeats {known[normal].name!r} ({known[normal].prompt_id}); remove one"
        yield Problem(ProblemCode.DUPLICATE, prompt.prompt_id, message, ERROR)
        return
    for other, earlier in known.items():
        if fuzz.ratio(normal, other) >= NEAR_DUPLICATE:
            message = f"{prompt.name!r} is nearly {earlier.name!r} ({earlier.prompt_id})"
            yield Problem(ProblemCode.NEAR_DUPLICATE, prompt.prompt_id, message, WARNING)
    known[normal] = prompt


def _overlaps(settings: Mapping[Setting, Mapping[str, Prompt]]) -> Iterator[Problem]:
    for (attribute, feasibility), feasible in list(settings.items()):
        if feasibility != "feasible":
            continue
        for normal, prompt in settings.get((attribute, "infeasible"), {}).items():
            if normal in feasible:
                message = (
                    f"{prompt.name!r} is infeasible here and feasible in {feasible[normal].prompt_id}; decide which"
                )
                yield Problem(ProblemCode.OVERLAP, prompt.prompt_id, message, ERROR)


def _shortfalls(
    class_id: str, settings: Mapping[Setting, Mapping[str, Prompt]], minimum: Mapping[Setting, int]
) -> Iterator[Problem]:
    for setting, needed in minimum.items():
        count = len(settings.get(setting, {}))
        if count < needed:
            where = ".".join((class_id, *setting))
            message = f"{where} has {count} different prompts, {needed} are needed; add some"
            yield Problem(ProblemCode.TOO_FEW, where, message, ERROR)
