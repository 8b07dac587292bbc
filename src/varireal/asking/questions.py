"""The questions to the model, each a full request that depends on its inputs alone. Light: no client."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from varireal.asking.answers import ColorItem, NamedItem, answer_schema
from varireal.asking.places import Arm, Place, Refusal
from varireal.config.asking import OpenAIPrompts
from varireal.prompting.instructions import JUDGE, PROMPTS, Instructions, Message
from varireal.records import Prompt
from varireal.seeds import stable_int

_SHOWN_REFUSALS = 20  # a longer list would fill the context of a small model
_SHOWN_EXAMPLES = 3


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


@dataclass(frozen=True)
class Questions:
    """Puts the questions of one study into words.

    Attributes:
        config: model, count, seed ...
        noun: of the data set.
        instructions: the templates.
        examples: prompts to show.
    """

    config: OpenAIPrompts
    noun: str
    instructions: Instructions
    examples: Sequence[Prompt] = ()

    def next(self, place: Place, name: str, arm: Arm, other: Arm) -> Question:
        """What the writer is asked next for an arm."""
        avoid = [*arm.avoid, *(p.name for p in arm.prompts), *(p.name for p in other.prompts), *other.avoid]
        refused = {r.name: r.message for r in arm.refused if r.name and r.code != Refusal.COUNT}
        own = [p.text for p in self.examples if (p.attribute, p.feasibility) == (place.attribute, name)]
        messages = self.instructions.messages(
            PROMPTS,
            noun=self.noun,
            class_name=place.class_name,
            shared=place.shared,
            attribute=place.attribute,
            arm=name,
            count=arm.short,
            language=self.config.language,
            avoid=list(dict.fromkeys(avoid)),
            refused=list(refused.items())[-_SHOWN_REFUSALS:],
            examples=own[:_SHOWN_EXAMPLES],
        )
        seed = None
        if self.config.seed is not None:
            own_parts = (place.class_name, place.attribute, name, arm.attempts)
            seed = stable_int("ask", self.config.seed, *own_parts) % (1 << 31)
        return Question(self.config.model, PROMPTS, tuple(messages), "prompts", seed)

    def judgement(self, place: Place, prompts: Sequence[Prompt]) -> tuple[Question, list[Prompt]]:
        """What the judge is asked, and the prompts in the order of the question, which mixes the arms."""
        order = sorted(prompts, key=lambda p: stable_int("judge", place.class_id, place.attribute, p.name))
        messages = self.instructions.messages(
            JUDGE,
            noun=self.noun,
            class_name=place.class_name,
            attribute=place.attribute,
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
    return ColorItem if place.attribute == "color" else NamedItem
