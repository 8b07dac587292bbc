"""Getting the prompts of one class and attribute: ask, check, ask again for what is missing, get a second opinion."""

import asyncio
import csv
import json
import logging
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel

from varireal.config.hosted import OpenAIPrompts
from varireal.core.files import few
from varireal.errors import BackendError
from varireal.hosted.client import Asker, NoAnswerError
from varireal.hosted.written import AnswerError, read_items
from varireal.names import FEASIBILITIES
from varireal.prompts.checks import RULES
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
_EMBEDDED_AT_ONCE = 50
_MOST_UNRELATED = 0.01  # share of the unrelated pairs that may pass for duplicates
_FEWEST_ALIKE = 0.1  # share of the paraphrased pairs that are left out of account, for some are said very differently

logger = logging.getLogger(__name__)


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
        meanings: finds duplicates by meaning; None where no model does.
    """

    config: OpenAIPrompts
    dialogue: Dialogue
    vetting: Vetting
    meanings: "Meanings | None" = None

    async def write(self, task: PromptTask, rules: int = RULES) -> None:
        """Fill both arms in place, the feasible one first, so that the other can avoid it.

        Args:
            task: for what.
            rules: version of the checks.

        Raises:
            BackendError: no request can succeed, or the embedding model gives nothing to compare.
        """
        while True:
            for name in FEASIBILITIES:
                await self._fill(task, name, rules)
            lost = await self._second_opinion(task)
            if not lost or not any(self._may_ask(arm) for arm in task.arms.values()):
                return

    def _may_ask(self, arm: Arm) -> bool:
        return arm.short > 0 and max(arm.attempts, arm.failures) < self.config.attempts

    async def _fill(self, task: PromptTask, name: str, rules: int) -> None:
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
            good, refused = self.vetting.vet(items, place, name, arm.prompts, other.prompts, rules=rules)
            good, alike = await self._distinct(good, arm.prompts, rules)
            arm.refused += [*refused, *alike]
            spare = good[arm.short :]
            arm.refused += [Refused(p.name, Refusal.COUNT, "more were written than asked for") for p in spare]
            arm.prompts += [replace(p, source="openai", model=self.config.model) for p in good[: arm.short]]

    async def _distinct(
        self, good: list[Prompt], have: Sequence[Prompt], rules: int
    ) -> tuple[list[Prompt], list[Refused]]:
        """Without those that mean the same as an earlier one, by embeddings."""
        if self.meanings is None or not good:
            return good, []
        texts = [p.text for p in (*have, *good)]
        limit = self.config.embedding_similarity if rules < 2 else (await self.meanings.threshold()).similarity
        vectors = await self.meanings.vectors(texts)
        distinct = list(range(len(have)))
        refused = []
        for number in range(len(have), len(texts)):
            near = next((k for k in distinct if _dot(vectors[k], vectors[number]) >= limit), None)
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


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which similarity two prompts are duplicates, by one embedding model.

    Attributes:
        model: the model.
        similarity: cosine from which two texts count as the same.
        unrelated: number of pairs of different prompts that were compared.
        unrelated_passing: how many of them pass for duplicates all the same.
        paraphrased: number of pairs that say the same.
        paraphrased_found: how many of them are duplicates by the threshold.
        separate: whether the two groups lie apart.
    """

    model: str
    similarity: float
    unrelated: int
    unrelated_passing: int
    paraphrased: int
    paraphrased_found: int
    separate: bool

    def words(self) -> str:
        """One line for people."""
        told = (
            f"duplicates by {self.model!r}: from a similarity of {self.similarity:.4f}, which finds "
            f"{self.paraphrased_found} of {self.paraphrased} paraphrased pairs and takes {self.unrelated_passing} of "
            f"{self.unrelated} unrelated ones for duplicates"
        )
        if self.separate:
            return told
        return f"{told}; the model does not tell the two apart, so choose another prompts.openai.embedding_model"

    def facts(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


def threshold_between(model: str, unrelated: Sequence[float], paraphrased: Sequence[float]) -> Threshold:
    """The threshold in the middle between different prompts and paraphrases.

    At most 1 % of the unrelated pairs pass it. Where the groups overlap, it lies directly above the others of them.

    Args:
        model: for the result.
        unrelated: cosines of pairs of different prompts.
        paraphrased: cosines of pairs that say the same.
    """
    above = sorted(unrelated, reverse=True)[math.floor(_MOST_UNRELATED * len(unrelated))]
    below = sorted(paraphrased)[math.floor(_FEWEST_ALIKE * len(paraphrased))]
    middle, separate = (above + below) / 2, below > above
    similarity = middle if separate and middle > above else math.nextafter(above, math.inf)
    passing, alike = (sum(cosine >= similarity for cosine in group) for group in (unrelated, paraphrased))
    return Threshold(model, similarity, len(unrelated), passing, len(paraphrased), alike, separate)


@dataclass
class Meanings:
    """Compares texts by an embedding model; what it may call the same is measured once, on pairs of the package.

    Attributes:
        model: the embedding model.
        asker: the way to its server.
    """

    model: str
    asker: Asker
    measured: Threshold | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def threshold(self) -> Threshold:
        """From which similarity texts are the same.

        Raises:
            BackendError: the model gives nothing to compare.
        """
        async with self._turn:
            if self.measured is None:
                pairs = duplicate_pairs()
                texts = list(dict.fromkeys(text for kind in pairs.values() for pair in kind for text in pair))
                parts = range(0, len(texts), _EMBEDDED_AT_ONCE)
                vectors = [v for start in parts for v in await self.vectors(texts[start : start + _EMBEDDED_AT_ONCE])]
                known = dict(zip(texts, vectors, strict=True))
                cosines = {kind: [_dot(known[a], known[b]) for a, b in group] for kind, group in pairs.items()}
                self.measured = threshold_between(self.model, cosines["unrelated"], cosines["paraphrased"])
                (logger.info if self.measured.separate else logger.warning)("%s", self.measured.words())
        return self.measured

    async def vectors(self, texts: list[str]) -> list[list[float]]:
        """A unit vector for each text.

        Raises:
            BackendError: the model gives nothing to compare.
        """
        remedy = "correct prompts.openai.embedding_model or embedding_server, or leave embedding_model out"
        try:
            vectors = await self.asker.embed(texts, self.model)
        except NoAnswerError as error:
            raise BackendError(f"the embedding model {self.model!r} does not answer: {error}; {remedy}") from None
        sizes = {len(vector) for vector in vectors}
        sound = all(math.isfinite(value) for vector in vectors for value in vector)
        if len(vectors) != len(texts) or len(sizes) != 1 or 0 in sizes or not sound:
            raise BackendError(
                f"the embedding model {self.model!r} answered {len(texts)} texts with {len(vectors)} vectors of "
                f"{few(sorted(map(str, sizes)))} numbers{'' if sound else ', not all of them finite'}; expected one "
                f"vector per text, all of one length; {remedy}"
            )
        return [_unit(vector) for vector in vectors]


def duplicate_pairs() -> dict[str, list[tuple[str, str]]]:
    """Pairs of prompts that ship with the package, by kind: 200 unrelated ones and 50 that are paraphrased."""
    text = (files("varireal") / "assets" / "instructions" / "duplicate_pairs.csv").read_text("utf-8")
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in csv.DictReader(text.splitlines()):
        pairs[row["kind"]].append((row["one"], row["other"]))
    return pairs


def _unit(vector: Sequence[float]) -> list[float]:
    size = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / size for value in vector]


def _dot(one: Sequence[float], two: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))
