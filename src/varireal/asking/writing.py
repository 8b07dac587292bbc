"""Getting the prompts of one class and attribute: ask, check, ask again for what is missing, get a second opinion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from varireal.asking.answers import AnswerError
from varireal.asking.dialogue import answered
from varireal.asking.judging import Judge
from varireal.asking.places import Arm, Asked, Refusal, Refused
from varireal.asking.questions import Questions, answer_item
from varireal.asking.sending import NoAnswerError
from varireal.asking.traffic import Asker
from varireal.asking.vetting import Vetting
from varireal.config.asking import OpenAIPrompts
from varireal.names import FEASIBILITIES
from varireal.prompting.class_file import REVIEW
from varireal.records import Prompt


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
