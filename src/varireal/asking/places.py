"""What is asked for, and what became of it. Light."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from varireal.records import Prompt


class Refusal(StrEnum):
    """Why something that a model wrote is not used; besides these, ``prompting.checks.ProblemCode``."""

    PARSE = "parse"
    SCHEMA = "schema"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    SERVER = "server"
    COUNT = "count"
    SAME_MEANING = "same_meaning"
    COLOR_UNKNOWN = "color_unknown"
    COLOR_MISMATCH = "color_mismatch"
    TOO_MANY_TOKENS = "too_many_tokens"
    UNSAFE = "unsafe"
    LANGUAGE = "language"
    NO_DESCRIPTION = "no_description"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused prompt, or an answer that could not be used.

    Attributes:
        name: the prompt's name, as the model wrote it; empty for a whole answer.
        code: a value of Refusal or ProblemCode.
        message: one sentence, which the model is shown.
    """

    name: str
    code: str
    message: str


def counted(reasons: Mapping[str, int]) -> str:
    """Reason codes with their numbers, for people."""
    return ", ".join(f"{code} {count}" for code, count in reasons.items())


@dataclass(frozen=True, slots=True)
class Place:
    """For which class and attribute prompts are written.

    Attributes:
        class_id: the class; the noun's slug for shared prompts.
        class_name: its display name; the noun for shared prompts.
        attribute: background, color or texture.
        shared: whether all classes share the prompts.
    """

    class_id: str
    class_name: str
    attribute: str
    shared: bool = False


@dataclass
class Arm:
    """What became of one setting of a class.

    Attributes:
        wanted: prompts that were to be written.
        avoid: names that a person's own prompts have.
        prompts: what is used, with the judge's votes.
        refused: what is not used, in the order of writing.
        votes: number of the judge's votes by what they say, those on dropped prompts too.
        attempts: questions that were answered; the next one's seed depends on it, so that a run that is repeated asks
            the same questions.
        failures: questions that the server did not answer.
    """

    wanted: int
    avoid: tuple[str, ...] = ()
    prompts: list[Prompt] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    votes: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    failures: int = 0

    @property
    def short(self) -> int:
        """How many are missing."""
        return max(0, self.wanted - len(self.prompts))

    @property
    def reasons(self) -> dict[str, int]:
        """Number of refusals by code."""
        return dict(sorted(Counter(str(refused.code) for refused in self.refused).items()))


@dataclass
class Asked:
    """One class and attribute, or one attribute that all classes share.

    Attributes:
        place: for what prompts are written.
        arms: by feasibility, filled while asking.
        frozen: whether a bank has the prompts, so that nothing is asked.
        raw: every answer as it came, as JSON: a study has tens of thousands, and dicts take five times the memory.
    """

    place: Place
    arms: dict[str, Arm]
    frozen: bool = False
    raw: list[str] = field(default_factory=list)
