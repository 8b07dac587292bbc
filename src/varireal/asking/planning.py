"""What asking would take, before anything is sent: calls, tokens, price. Light: no client."""

from dataclasses import dataclass
from pathlib import Path

from varireal.asking.agenda import Agenda
from varireal.asking.keeping import AnswerBook
from varireal.config.asking import OpenAIPrompts
from varireal.config.model import Config
from varireal.config.slices import PromptsSlice, stage_slices
from varireal.paths import StudyPaths
from varireal.store import ItemStore

# Tokens of one written prompt and of one vote, as JSON: measured on banks of this project with CLIP's tokenizer.
_WRITTEN, _WRITTEN_COLOR, _VOTED = 38, 22, 12
# Tokens that the judge is sent for each prompt.
_JUDGED = 26


@dataclass
class Planned:
    """What is still to be asked.

    Attributes:
        calls: requests, at least: repairs and second attempts come on top.
        kept: answers that are there.
        writing: tokens (sent, answered) of the model that writes.
        judging: tokens (sent, answered) of the model that judges.
    """

    calls: int = 0
    kept: int = 0
    writing: tuple[int, int] = (0, 0)
    judging: tuple[int, int] = (0, 0)


def planned(config: Config, classes: dict[str, str], paths: StudyPaths, *, tokens: bool = False) -> Planned:
    """Count the open requests of a study; with ``tokens`` also their tokens."""
    part = stage_slices(config, classes)["prompts"]
    assert isinstance(part, PromptsSlice)  # noqa: S101  (for the type checker)
    path, folder = Path(paths.store("prompts")), Path(paths.prompts_folder)
    if not path.exists():
        return _count(Agenda(part, folder, _Nothing()), part.prompts.openai, 0, tokens)
    store = ItemStore(path)
    try:
        book = AnswerBook(store)
        return _count(Agenda(part, folder, book), part.prompts.openai, len(book.usage()), tokens)
    finally:
        store.close()


class _Nothing(AnswerBook):
    """No answer is kept, and no file is made for it."""

    def __init__(self) -> None:
        pass

    def get(self, key: str) -> None:  # noqa: ARG002
        return None


def _count(agenda: Agenda, asking: OpenAIPrompts, kept: int, tokens: bool) -> Planned:
    found = Planned(kept=kept)
    judged: dict[tuple[str, str], int] = {}
    sent = answered = 0
    for item, _, request in agenda.open_requests():
        place = item.place
        found.calls += 1
        wanted = sum(arm.wanted for arm in item.arms.values())
        judged[place.class_id, place.attribute] = wanted
        if tokens:
            from varireal.asking.meter import request_tokens

            sent += request_tokens(request)
            each = _WRITTEN_COLOR if place.attribute == "color" else _WRITTEN
            answered += each * wanted // len(item.arms)
    found.writing = sent, answered
    if asking.judge.enabled:
        found.calls += len(judged)
        total = sum(judged.values())
        found.judging = (250 * len(judged) + _JUDGED * total, _VOTED * total)
    return found
