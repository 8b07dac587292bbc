"""Getting the prompts of one class and attribute: ask, check, ask again for what is missing, get a second opinion."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from varireal.config.hosted import OpenAIPrompts
from varireal.hosted.client import Asker, NoAnswerError
from varireal.names import FEASIBILITIES
from varireal.prompts.class_file import REVIEW
from varireal.prompts.instructions import Instructions, Message
from varireal.prompts.questions import (
    AnswerError,
    Arm,
    Asked,
    Place,
    Question,
    Questions,
    Refusal,
    Refused,
    Vote,
    answer_item,
    read_items,
    request_body,
)
from varireal.prompts.vetting import Vetting
from varireal.records import Prompt

# One question to the model and its repairs, until the answer has the form that was asked for.

M = TypeVar("M", bound=BaseModel)


async def answered(
    config: OpenAIPrompts,
    instructions: Instructions,
    asker: Asker,
    question: Question,
    item: type[M],
    raw: list[str],
) -> tuple[list[M], list[str]]:
    """Items of the answer, and what was wrong with others in it.

    Args:
        config: how often an answer may be repaired.
        instructions: for the repairs.
        asker: the way to the server.
        question: what is asked.
        item: form of an item.
        raw: gets every answer as it came, as JSON.

    Raises:
        AnswerError: no usable answer after the repairs.
        NoAnswerError: the server did not answer.
    """
    messages: Sequence[Message] = question.messages
    for repair in range(config.repairs + 1):
        asked = Question(question.model, question.template, tuple(messages), question.key, question.seed)
        answer = await asker.ask(request_body(config, asked, item))
        raw.append(json.dumps({"question": question.template, "repair": repair, **answer}, sort_keys=True))
        try:
            return read_items(answer, item, question.key)
        except AnswerError as error:
            if repair == config.repairs or error.code == "refused":
                raise
            messages = instructions.repair(question.template, question.messages, answer["content"] or "", str(error))
    raise AssertionError("unreachable")


# The second opinion: is each prompt feasible? The judge is not told what the writer was asked for.

UNKNOWN = "unknown"


@dataclass
class Judge:
    """Asks for votes."""

    config: OpenAIPrompts
    questions: Questions
    asker: Asker

    async def votes(self, place: Place, prompts: Sequence[Prompt], raw: list[str]) -> dict[tuple[str, str], str]:
        """(arm, name) -> feasible, infeasible or unknown.

        Both arms are judged in one call, in an order that mixes them. What the judge left out, answered twice in
        different ways, or could not be asked is unknown, never a yes.
        """
        if not prompts:
            return {}
        question, order = self.questions.judgement(place, prompts)
        try:
            items, _ = await answered(self.config, self.questions.instructions, self.asker, question, Vote, raw)
        except (AnswerError, NoAnswerError):
            items = []
        said: dict[int, set[bool]] = {}
        for vote in items:
            said.setdefault(vote.number, set()).add(vote.feasible)
        return {(p.feasibility, p.name): _word(said.get(number, set())) for number, p in enumerate(order, 1)}


def _word(said: set[bool]) -> str:
    if len(said) != 1:
        return UNKNOWN
    return "feasible" if True in said else "infeasible"


@dataclass
class Writer:
    """Writes prompts for one study."""

    config: OpenAIPrompts
    questions: Questions
    asker: Asker
    vetting: Vetting
    judge: Judge | None

    async def write(self, asked: Asked) -> None:
        """Fill both arms in place, the feasible one first, so that the other can avoid it."""
        while True:
            for name in FEASIBILITIES:
                await self._fill(asked, name)
            lost = await self._second_opinion(asked)
            if not lost or not any(self._may_ask(arm) for arm in asked.arms.values()):
                return

    def _may_ask(self, arm: Arm) -> bool:
        return arm.short > 0 and max(arm.attempts, arm.failures) < self.config.attempts

    async def _fill(self, asked: Asked, name: str) -> None:
        place, arms, raw = asked.place, asked.arms, asked.raw
        arm, other = arms[name], next(a for key, a in arms.items() if key != name)
        while self._may_ask(arm):
            question = self.questions.next(place, name, arm, other)
            try:
                items, problems = await answered(
                    self.config, self.questions.instructions, self.asker, question, answer_item(place), raw
                )
            except AnswerError as error:
                arm.attempts += 1
                arm.refused.append(Refused("", error.code, str(error)))
                continue
            except NoAnswerError as error:
                arm.failures += 1
                arm.refused.append(Refused("", Refusal.SERVER, str(error)))
                continue
            arm.attempts += 1
            arm.refused += [Refused("", Refusal.SCHEMA, problem) for problem in problems]
            good, refused = self.vetting.vet(items, place, name, arm.prompts, other.prompts)
            good, alike = await self._distinct(good, arm.prompts)
            arm.refused += [*refused, *alike]
            spare = good[arm.short :]
            arm.refused += [Refused(p.name, Refusal.COUNT, "more were written than asked for") for p in spare]
            arm.prompts += [replace(p, source="openai", model=self.config.model) for p in good[: arm.short]]

    async def _distinct(self, good: list[Prompt], have: Sequence[Prompt]) -> tuple[list[Prompt], list[Refused]]:
        """Without those that mean the same as an earlier one, by the server's embeddings."""
        model = self.config.embedding_model
        if model is None or not good:
            return good, []
        texts = [p.text for p in (*have, *good)]
        vectors = [_unit(vector) for vector in await self.asker.embed(texts, model)]
        kept: list[int] = list(range(len(have)))
        refused = []
        for number in range(len(have), len(texts)):
            near = next(
                (k for k in kept if _dot(vectors[k], vectors[number]) >= self.config.embedding_similarity), None
            )
            if near is None:
                kept.append(number)
            else:
                message = f"it means the same as {texts[near]!r}"
                refused.append(Refused(good[number - len(have)].name, Refusal.SAME_MEANING, message))
        return [good[number - len(have)] for number in kept if number >= len(have)], refused

    async def _second_opinion(self, asked: Asked) -> bool:
        """Let prompts without a vote be judged; True when some were dropped."""
        if self.judge is None:
            return False
        arms = asked.arms
        new = [prompt for arm in arms.values() for prompt in arm.prompts if not prompt.judge]
        votes = await self.judge.votes(asked.place, new, asked.raw)
        lost = False
        for arm in arms.values():
            arm.votes.update(votes[p.feasibility, p.name] for p in arm.prompts if not p.judge)
            judged = [p if p.judge else replace(p, judge=votes[p.feasibility, p.name]) for p in arm.prompts]
            arm.prompts = []
            for prompt in judged:
                agrees = prompt.judge == prompt.feasibility
                if not agrees and self.config.judge.on_disagreement == "drop":
                    arm.refused.append(Refused(prompt.name, Refusal.JUDGE, f"a second opinion says {prompt.judge}"))
                    lost = True
                else:
                    arm.prompts.append(prompt if agrees else replace(prompt, status=REVIEW))
        return lost


def _unit(vector: Sequence[float]) -> list[float]:
    size = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / size for value in vector]


def _dot(one: Sequence[float], two: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))
