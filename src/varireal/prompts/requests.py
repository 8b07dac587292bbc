"""The requests to the model that writes prompts, each of which depends on its inputs alone, and what became of them.

What a model must answer is a pydantic model: its schema is sent, and ``hosted.replies`` reads the answer by it. Light:
no client.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from varireal.attributes import COLOR, attribute_row
from varireal.config.hosted import OpenAIPrompts
from varireal.core.seeds import stable_int
from varireal.prompts.instructions import JUDGE, PROMPTS, Message, PromptTemplates
from varireal.records import Prompt

_SHOWN_REFUSALS = 20  # a longer list would fill the context of a small model
_SHOWN_EXAMPLES = 3
# Plain letters for English: without a pattern a grammar-bound model may write broken UTF-8. Vetting looks at the rest.
_ENGLISH = {"name": r"^[A-Za-z][A-Za-z0-9 ,'-]{1,58}$", "description": r"^[A-Za-z0-9][A-Za-z0-9 ,.;:'()-]{1,250}$"}


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NamedItem(_Item):
    """A background or a texture."""

    name: str = Field(min_length=1)
    description: str


class ColorItem(_Item):
    """A colour."""

    name: str = Field(min_length=1)
    rgb: str = Field(pattern=r"^#[0-9A-Fa-f]{6}$")


class Vote(_Item):
    """Whether one prompt, by its number, is feasible."""

    number: int
    feasible: bool


@cache
def answer_schema(item: type[BaseModel], key: str, language: str | None) -> dict[str, Any]:
    """JSON schema of ``{key: [item, ...]}``, inlined, as OpenAI's strict mode wants it. Not to be changed."""
    schema = item.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    for name, asked in schema["properties"].items():
        asked.pop("title", None)
        if language == "en" and name in _ENGLISH:
            asked.pop("minLength", None)
            asked["pattern"] = _ENGLISH[name]
    return {
        "type": "object",
        "properties": {key: {"type": "array", "items": schema}},
        "required": [key],
        "additionalProperties": False,
    }


class Refusal(StrEnum):
    """Why something that a model wrote is not used; besides these, ``prompts.checks.ProblemCode``."""

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
        attribute: what is to be changed.
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
class PromptTask:
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


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        model: which model.
        template: name of the template, for repairs.
        messages: the conversation.
        key: where the answer's list is.
        seed: seed that is sent, or None.
    """

    model: str
    template: str
    messages: tuple[Message, ...]
    key: str
    seed: int | None


def request_body(config: OpenAIPrompts, question: Question, item: type[BaseModel]) -> dict[str, Any]:
    """The request, in the strictest form; the traffic simplifies it for servers that cannot."""
    schema = {"name": question.key, "schema": answer_schema(item, question.key, config.language)}
    return {
        "model": question.model,
        "messages": list(question.messages),
        "response_format": {"type": "json_schema", "json_schema": schema | {"strict": True}},
        "temperature": config.temperature,
        "seed": question.seed,
        "max_tokens": config.max_tokens,
    }


def _worded(name: str, noun: str) -> dict[str, Any]:
    """What templates are given of an attribute: its name, whether it is a colour, and its wording."""
    row = attribute_row(name)
    wording = {} if row.wording is None else asdict(row.wording)
    filled = {key: text.replace("{noun}", noun) for key, text in wording.items()}
    return {"attribute": name, "colored": COLOR in row.needs, "asked": filled}


@dataclass(frozen=True)
class PromptRequests:
    """Makes the requests of one study.

    Attributes:
        config: model, count, seed ...
        noun: of the data set.
        templates: of the messages.
        examples: prompts to show.
    """

    config: OpenAIPrompts
    noun: str
    templates: PromptTemplates
    examples: Sequence[Prompt] = ()

    def next(self, place: Place, name: str, arm: Arm, other: Arm) -> Question:
        """What the writer is asked next for an arm."""
        avoid = [*arm.avoid, *(p.name for p in arm.prompts), *(p.name for p in other.prompts), *other.avoid]
        refused = {r.name: r.message for r in arm.refused if r.name and r.code != Refusal.COUNT}
        examples = [p.text for p in self.examples if (p.attribute, p.feasibility) == (place.attribute, name)]
        messages = self.templates.messages(
            PROMPTS,
            noun=self.noun,
            class_name=place.class_name,
            shared=place.shared,
            **_worded(place.attribute, self.noun),
            arm=name,
            count=arm.short,
            language=self.config.language,
            avoid=list(dict.fromkeys(avoid)),
            refused=list(refused.items())[-_SHOWN_REFUSALS:],
            examples=examples[:_SHOWN_EXAMPLES],
        )
        seed = None
        if self.config.seed is not None:
            parts = (place.class_name, place.attribute, name, arm.attempts)
            seed = stable_int("ask", self.config.seed, *parts) % (1 << 31)
        return Question(self.config.model, PROMPTS, tuple(messages), "prompts", seed)

    def judgement(self, place: Place, prompts: Sequence[Prompt]) -> tuple[Question, list[Prompt]]:
        """What the judge is asked, and the prompts in the order of the question, which mixes the arms."""
        order = sorted(prompts, key=lambda p: stable_int("judge", place.class_id, place.attribute, p.name))
        messages = self.templates.messages(
            JUDGE,
            noun=self.noun,
            class_name=place.class_name,
            **_worded(place.attribute, self.noun),
            prompts=[prompt.text for prompt in order],
        )
        model = self.config.judge.model or self.config.model
        return Question(model, JUDGE, tuple(messages), "answers", self.config.seed), order

    def first_request(self, place: Place, name: str, arm: Arm, other: Arm) -> dict[str, Any]:
        """The first request for an arm, before anything was written."""
        question = self.next(place, name, Arm(arm.wanted, arm.avoid), Arm(other.wanted, other.avoid))
        return request_body(self.config, question, answer_item(place))


def answer_item(place: Place) -> type[NamedItem] | type[ColorItem]:
    """Form of an item of the answer."""
    return ColorItem if COLOR in attribute_row(place.attribute).needs else NamedItem
