"""Getting the prompts of one class and attribute: ask, check, ask again for what is missing, get a second opinion."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from varireal.config.hosted import OpenAIPrompts
from varireal.hosted.client import Asker, NoAnswerError
from varireal.hosted.written import AnswerError, read_items
from varireal.names import FEASIBILITIES
from varireal.prompts.class_file import REVIEW
from varireal.prompts.instructions import Message
from varireal.prompts.requests import (
    Arm,
    Place,
    PromptRequests,
    PromptTask,
    Question,
    Refusal,
    Refused,
    Vote,
    answer_item,
    request_body,
)
from varireal.prompts.vetting import Vetting
from varireal.records import Prompt

M = TypeVar("M", bound=BaseModel)
UNKNOWN = "unknown"


@dataclass
class Dialogue:
    """One question to the model and its repairs, until the answer has the form that was asked for.

    Attributes:
        config: how often an answer may be repaired.
        requests: makes the requests.
        asker: the way to the server.
    """

    config: OpenAIPrompts
    requests: PromptRequests
    asker: Asker

    async def items(self, question: Question, item: type[M], raw: list[str]) -> tuple[list[M], list[str]]:
        """Items of the answer, and what was wrong with others in it.

        Args:
            question: what is task.
            item: form of an item.
            raw: gets every answer as it came, as JSON.

        Raises:
            AnswerError: no usable answer after the repairs.
            NoAnswerError: the server did not answer.
        """
        messages: Sequence[Message] = question.messages
        for repair in range(self.config.repairs + 1):
            body = request_body(self.config, replace(question, messages=tuple(messages)), item)
            try:
                answer = await self.asker.ask(body)
            except NoAnswerError as error:
                failed = {"question": question.template, "repair": repair, "error": str(error)}
                raw.append(json.dumps(failed, sort_keys=True))
                raise
            raw.append(json.dumps({"question": question.template, "repair": repair, **answer}, sort_keys=True))
            try:
                return read_items(answer, item, question.key, f"prompts.openai.max_tokens ({self.config.max_tokens})")
            except AnswerError as error:
                if repair == self.config.repairs or error.empty:
                    if error.empty:
                        self.asker.note(
                            AnswerError(error.code, f"an answer of {question.model} is of no use: {error}")
                        )
                    raise
                messages = self.requests.templates.repair(
                    question.template, question.messages, answer["content"] or "", str(error)
                )
        raise AssertionError("unreachable")

    async def votes(self, place: Place, prompts: Sequence[Prompt], raw: list[str]) -> dict[tuple[str, str], str]:
        """The second opinion on each prompt: (arm, name) -> feasible, infeasible or unknown.

        Both arms are judged in one call, in an order that mixes them, and the model is not told which arm a prompt was
        written for. What it left out, answered twice in different ways, or could not be asked is unknown, never a yes.
        """
        if not prompts:
            return {}
        question, order = self.requests.judgement(place, prompts)
        try:
            items, _ = await self.items(question, Vote, raw)
        except (AnswerError, NoAnswerError):
            items = []
        votes: dict[int, set[bool]] = defaultdict(set)
        for vote in items:
            votes[vote.number].add(vote.feasible)
        return {(p.feasibility, p.name): _word(votes[number]) for number, p in enumerate(order, 1)}


def _word(votes: set[bool]) -> str:
    if len(votes) != 1:
        return UNKNOWN
    return "feasible" if True in votes else "infeasible"


@dataclass
class PromptWriter:
    """Writes prompts for one study.

    Attributes:
        config: count, attempts, the second opinion ...
        dialogue: asks the model.
        vetting: checks what it wrote.
    """

    config: OpenAIPrompts
    dialogue: Dialogue
    vetting: Vetting

    async def write(self, task: PromptTask) -> None:
        """Fill both arms in place, the feasible one first, so that the other can avoid it."""
        while True:
            for name in FEASIBILITIES:
                await self._fill(task, name)
            lost = await self._second_opinion(task)
            if not lost or not any(self._may_ask(arm) for arm in task.arms.values()):
                return

    def _may_ask(self, arm: Arm) -> bool:
        return arm.short > 0 and max(arm.attempts, arm.failures) < self.config.attempts

    async def _fill(self, task: PromptTask, name: str) -> None:
        place, arms, raw = task.place, task.arms, task.raw
        arm, other = arms[name], next(a for key, a in arms.items() if key != name)
        while self._may_ask(arm):
            question = self.dialogue.requests.next(place, name, arm, other)
            try:
                items, problems = await self.dialogue.items(question, answer_item(place), raw)
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
        vectors = [_unit(vector) for vector in await self.dialogue.asker.embed(texts, model)]
        distinct = list(range(len(have)))
        refused = []
        for number in range(len(have), len(texts)):
            near = next(
                (k for k in distinct if _dot(vectors[k], vectors[number]) >= self.config.embedding_similarity), None
            )
            if near is None:
                distinct.append(number)
            else:
                message = f"it means the same as {texts[near]!r}"
                refused.append(Refused(good[number - len(have)].name, Refusal.SAME_MEANING, message))
        return [good[number - len(have)] for number in distinct if number >= len(have)], refused

    async def _second_opinion(self, task: PromptTask) -> bool:
        """Let prompts without a vote be judged; True when some were dropped."""
        if not self.config.judge.enabled:
            return False
        arms = task.arms
        new = [prompt for arm in arms.values() for prompt in arm.prompts if not prompt.judge]
        votes = await self.dialogue.votes(task.place, new, task.raw)
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
