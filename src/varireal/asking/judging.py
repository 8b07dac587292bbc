"""The second opinion: is each prompt feasible? The judge is not told what the writer was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from varireal.asking.answers import AnswerError, Vote
from varireal.asking.dialogue import answered
from varireal.asking.places import Place
from varireal.asking.questions import Questions
from varireal.asking.sending import NoAnswerError
from varireal.asking.traffic import Asker
from varireal.config.asking import OpenAIPrompts
from varireal.records import Prompt

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
