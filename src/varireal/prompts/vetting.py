"""Checks of what a model wrote. Each refusal has a reason code; nothing is mended silently.

What is checked has a version. A place that was asked for to the end under an earlier version is checked as it was
then: its prompts are in a study that may be finished, and a text that was accepted must not vanish from it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from varireal.config.hosted import OpenAIPrompts
from varireal.editors import oklab
from varireal.editors.colors import prompt_color, published_rgbs
from varireal.errors import UnknownPromptError
from varireal.prompts.checks import ERROR, RULES, ProblemCode, check_prompts, text_problems
from varireal.prompts.flaws import Flaw, Wording, first_flaw
from varireal.prompts.reading import mentioned, normalize
from varireal.prompts.requests import ColorItem, NamedItem, Place, Refusal, Refused
from varireal.records import Prompt, rgb_values

# In OKLab, where 0.02 is just visible: a name and an RGB this far apart are different colours (red and orange: 0.15).
# By version; 0.22 took a teal for "sandy brown".
_FAR = {1: 0.22, 2: 0.10}
# What is a warning of a bank that a person reviewed, and a refusal of what a model wrote; by version.
_REFUSED_WARNINGS = {
    1: (ProblemCode.NEAR_DUPLICATE,),
    2: (ProblemCode.NEAR_DUPLICATE, ProblemCode.OTHER_CLASS_LEAK, ProblemCode.NOUN_LEAK),
}
_SURE_OF_LANGUAGE = 0.95
_WORDS_FOR_LANGUAGE = 12  # shorter texts are guessed wrong too often


@dataclass(frozen=True)
class Vetting:
    """Checks prompts for one study.

    Attributes:
        config: which checks, with which limits.
        noun: of the data set.
        class_names: display name by class id.
        tokens: counts the tokens of a text.
    """

    config: OpenAIPrompts
    noun: str
    class_names: Mapping[str, str]
    tokens: Callable[[str], int]
    _unsafe: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_unsafe", (*_unsafe_words(), *self.config.unsafe_words))

    def vet(
        self,
        items: Sequence[NamedItem | ColorItem],
        place: Place,
        arm: str,
        have: Sequence[Prompt],
        other: Sequence[Prompt],
        *,
        rules: int = RULES,
    ) -> tuple[list[Prompt], list[Refused]]:
        """Split what was written into prompts to use and refusals, in its order.

        Args:
            items: what the model wrote.
            place: for what.
            arm: feasible or infeasible.
            have: prompts of this arm that are used already.
            other: prompts of the other arm.
            rules: version of the checks.

        Returns:
            Prompts whose ids are only temporary, and refusals.
        """
        drafts = [_draft(number, item, place, arm) for number, item in enumerate(items)]
        refusals: dict[str, tuple[str, str]] = {}
        foreign = self._foreign(drafts)
        for draft, item in zip(drafts, items, strict=True):
            problem = foreign or self._alone(draft, item, rules)
            if problem is not None:
                refusals[draft.prompt_id] = problem
        sound = [draft for draft in drafts if draft.prompt_id not in refusals]
        refusals |= self._together(sound, place, have, other, rules)
        good = [draft for draft in drafts if draft.prompt_id not in refusals]
        return good, [Refused(d.name, *refusals[d.prompt_id]) for d in drafts if d.prompt_id in refusals]

    def _alone(self, draft: Prompt, item: NamedItem | ColorItem, rules: int) -> tuple[str, str] | None:
        """The first problem of a prompt that does not depend on the others."""
        if not draft.description and not isinstance(item, ColorItem):
            return Refusal.NO_DESCRIPTION, "it has no description"
        unsafe = mentioned(draft.text, self._unsafe)
        if unsafe:
            return Refusal.UNSAFE, "it holds a word that is not allowed"
        # a token has at least one byte
        if len(draft.text.encode("utf-8", "replace")) >= self.config.max_text_tokens - 2:
            count = self.tokens(draft.text)
            if count > self.config.max_text_tokens:
                return (
                    Refusal.TOO_MANY_TOKENS,
                    f"it has {count} tokens, the text encoder reads {self.config.max_text_tokens}; be shorter",
                )
        problem = _color_problem(draft, item, _FAR[rules]) if isinstance(item, ColorItem) else None
        if problem is not None or rules < 2 or any(text_problems(draft)):
            return problem  # problems of the texts have their own codes, see _together
        names = tuple(self.class_names.values())
        return first_flaw(Wording(draft, self.noun, names, self.config.language, self.config.templates))

    def _foreign(self, drafts: Sequence[Prompt]) -> tuple[str, str] | None:
        """One answer is in one language: all of its descriptions are looked at together."""
        text = " ".join(draft.description for draft in drafts)
        if self.config.language is None or len(text.split()) < _WORDS_FOR_LANGUAGE:
            return None
        language, share = _identifier().classify(text)
        if language == self.config.language or share < _SURE_OF_LANGUAGE:
            return None
        return Refusal.LANGUAGE, f"it is written in {language!r}, expected {self.config.language!r}"

    def _together(
        self, drafts: Sequence[Prompt], place: Place, have: Sequence[Prompt], other: Sequence[Prompt], rules: int
    ) -> dict[str, tuple[str, str]]:
        """Texts, leaks, duplicates and overlaps by the same checks that every bank passes."""
        names = dict(self.class_names)
        names[place.class_id] = place.class_name
        everything = [*_renamed(other, "other"), *_renamed(have, "have"), *drafts]
        # an overlap is told of the infeasible prompt, whichever arm is written now
        problems = check_prompts(everything, noun=self.noun, class_names=names, minimum={})
        ids = {draft.prompt_id for draft in drafts}
        refusals: dict[str, tuple[str, str]] = {}
        for problem in problems:
            serious = problem.severity == ERROR or problem.code in _REFUSED_WARNINGS[rules]
            if serious and problem.prompt_id in ids:
                refusals.setdefault(problem.prompt_id, (problem.code, _short(problem.message)))
        if other and other[0].feasibility == "infeasible":
            taken = {normalize(prompt.name) for prompt in other}
            for draft in drafts:
                if normalize(draft.name) in taken:
                    refusals.setdefault(draft.prompt_id, (ProblemCode.OVERLAP, "it is in the infeasible arm already"))
        return refusals if rules < 2 else _same_descriptions(have, drafts, refusals | _unfinished(drafts))


def _unfinished(drafts: Sequence[Prompt]) -> dict[str, tuple[str, str]]:
    """Refusals of descriptions without a full stop in an answer whose other descriptions have one: they were cut."""
    described = [draft for draft in drafts if draft.description]
    open_ended = [draft for draft in described if draft.description[-1] not in ".!?。"]
    if 3 * len(open_ended) > len(described):
        return {}
    message = "its description was cut, for it alone has no full stop; write a whole one"
    return {draft.prompt_id: (Flaw.CUT_OFF, message) for draft in open_ended}


def _same_descriptions(
    have: Sequence[Prompt], drafts: Sequence[Prompt], refusals: dict[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Refusals, with those of prompts of one arm that describe two names in the same words."""
    known = {normalize(prompt.description): prompt.name for prompt in have if prompt.description}
    for draft in drafts:
        normal = normalize(draft.description)
        if draft.prompt_id in refusals or not normal:
            continue
        if normal in known:
            message = f"its description is that of {known[normal]!r}; describe what can be seen of this one"
            refusals[draft.prompt_id] = (Flaw.REPETITION, message)
        else:
            known[normal] = draft.name
    return refusals


def _short(message: str) -> str:
    """A message without the temporary ids."""
    return re.sub(r" \((?:have|other|draft)-\d+\)", "", message)


def _renamed(prompts: Sequence[Prompt], prefix: str) -> list[Prompt]:
    return [
        Prompt(f"{prefix}-{n}", p.class_id, p.attribute, p.feasibility, p.name, p.description)
        for n, p in enumerate(prompts)
    ]


def _draft(number: int, item: NamedItem | ColorItem, place: Place, arm: str) -> Prompt:
    rgb, description = (item.rgb.lower(), "") if isinstance(item, ColorItem) else ("", item.description)
    texts = (" ".join(item.name.split()), " ".join(description.split()))
    return Prompt(f"draft-{number}", place.class_id, place.attribute, arm, *texts, rgb=rgb)


def _color_problem(draft: Prompt, item: ColorItem, far: float) -> tuple[str, str] | None:
    """A colour must have a name that can be looked up, and the RGB must be that colour."""
    try:
        named = prompt_color(replace(draft, rgb=""))
    except UnknownPromptError:
        return Refusal.COLOR_UNKNOWN, "the name is no known colour; use one such as 'sandy brown' or 'hot pink'"
    known = (named.rgb, *published_rgbs(item.name))
    labs = oklab.from_srgb(np.array([rgb_values(item.rgb), *known], np.float32))
    if float(np.linalg.norm(labs[1:] - labs[0], axis=1).min()) > far:
        return Refusal.COLOR_MISMATCH, f"{item.rgb} is not the colour that the name says"
    return None


@cache
def _unsafe_words() -> tuple[str, ...]:
    text = (files("varireal") / "assets" / "instructions" / "unsafe_words.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
