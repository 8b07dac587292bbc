"""What a study asks for: every class and attribute, less what is frozen or what a person wrote; and what that takes.

Light: no client.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slugify import slugify

from varireal.attributes import COLOR, attribute_row
from varireal.config.hosted import OpenAIPrompts
from varireal.config.model import Config
from varireal.config.slices import PromptsSlice, stage_slices
from varireal.core.paths import StudyPaths
from varireal.core.seeds import digest
from varireal.errors import ConfigError
from varireal.hosted.book import AnswerBook, request_digest
from varireal.hosted.money import Spent
from varireal.names import FEASIBILITIES
from varireal.prompts.bank import find_bank, load_bank, prompts_for
from varireal.prompts.checks import RULES
from varireal.prompts.class_file import EDITED, read_class_file
from varireal.prompts.instructions import PromptTemplates, templates_digest
from varireal.prompts.requests import Arm, Place, PromptRequests, PromptTask
from varireal.records import Prompt
from varireal.store.items import ItemStore

# Tokens of one written prompt and of one vote, as JSON: measured on banks of this project with CLIP's tokenizer.
_WRITTEN, _WRITTEN_COLOR, _VOTED = 38, 22, 12
# Tokens that the judge is sent for each prompt, and for the question around them.
_JUDGED, _JUDGED_AROUND = 26, 250


class Agenda:
    """The items of a study.

    Args:
        config: the stage's slice.
        folder: of the prompt files; what a person edited there is not asked for again.
        book: answers that are kept.

    Raises:
        ConfigError: a template, the frozen bank, the examples or a prompt file cannot be used.
    """

    def __init__(self, config: PromptsSlice, folder: Path, book: AnswerBook) -> None:
        self._config, self._folder, self._book = config, folder, book
        self._asking = config.prompts.openai
        self.requests = PromptRequests(
            self._asking, config.noun, PromptTemplates(self._asking.templates), _examples(self._asking.examples)
        )
        self._templates = templates_digest(self._asking.templates, config.attributes)
        self._settings = self._asking.for_keys_json(exclude=("server", "judge", "frozen"))
        self._read: dict[str, list[Prompt]] = {}
        self.items = list(self._all())
        self._by_place = {(item.place.class_id, item.place.attribute): item for item in self.items}
        self._shared = {item.place.attribute: item for item in self.items if item.place.shared}

    def of_class(self, class_id: str) -> dict[str, PromptTask]:
        """A class's items by attribute, shared ones included."""
        return {
            attribute: self._by_place.get((class_id, attribute)) or self._shared[attribute]
            for attribute in self._config.attributes
        }

    def remember(self, item: PromptTask) -> None:
        """Keep what is asked for, before it is asked for; only where it is not the plain count in both arms."""
        if not any(arm.avoid for arm in item.arms.values()):
            return
        for name, arm in item.arms.items():
            key = self._plan_key(item.place, name)
            if self._book.get(key) is None:
                self._book.set(key, {"wanted": arm.wanted, "avoid": list(arm.avoid)})

    def open_requests(self) -> Iterator[tuple[PromptTask, str, dict[str, Any]]]:
        """(item, arm, request) of every first request that has no answer yet; later ones depend on the answers."""
        for item in self.items:
            if item.frozen:
                continue
            for name, arm in item.arms.items():
                request = self._first(item, name)
                # the request of the second arm holds the names of the first, so it is known only when that is answered
                known = self._answered(item) if name != FEASIBILITIES[0] else self._kept(request)
                if arm.short and not known:
                    yield item, name, request

    def _answered(self, item: PromptTask) -> bool:
        return (
            self._kept(self._first(item, FEASIBILITIES[0])) and self._book.get(self._done_key(item.place)) is not None
        )

    def rules(self, item: PromptTask) -> int:
        """Version of the checks for an item: today's, or those by which it was asked for to the end.

        So a text that an earlier version accepted does not vanish from a study that was finished with it.
        """
        done = self._book.get(self._done_key(item.place))
        return RULES if done is None else int(done.get("rules", 1))

    def finished(self, item: PromptTask) -> None:
        """Note that both arms of an item were asked for to the end; a dry run then knows that nothing is open."""
        key = self._done_key(item.place)
        if self._book.get(key) is None:
            self._book.set(key, {"done": True, "rules": RULES})

    def _first(self, item: PromptTask, name: str) -> dict[str, Any]:
        other = next(arm for key, arm in item.arms.items() if key != name)
        return self.requests.first_request(item.place, name, item.arms[name], other)

    def _kept(self, request: dict[str, Any]) -> bool:
        return self._book.answer(request_digest(request)) is not None

    def _all(self) -> Iterator[PromptTask]:
        frozen = self._frozen()
        for attribute in self._config.attributes:
            if attribute in self._asking.shared:
                yield self._unasked(Place(slugify(self._config.noun) or "all", self._config.noun, attribute, True))
                continue
            for class_id, name in self._config.classes.items():
                place = Place(class_id, name, attribute)
                if class_id in frozen:
                    yield _from_bank(place, frozen[class_id])
                else:
                    yield self._unasked(place)

    def _frozen(self) -> dict[str, list[Prompt]]:
        if self._asking.frozen is None:
            return {}
        bank = load_bank(find_bank(self._asking.frozen, "prompts.openai.frozen"))
        return {
            class_id: prompts_for(bank, class_id, name)
            for class_id, name in self._config.classes.items()
            if class_id in bank.classes or name in bank.classes
        }

    def _edited(self, place: Place) -> list[Prompt]:
        if place.class_id not in self._read:
            path = self._folder / f"{place.class_id}.yaml"
            prompts = read_class_file(path) if path.exists() and not place.shared else []
            self._read[place.class_id] = [prompt for prompt in prompts if prompt.source == EDITED]
        return [prompt for prompt in self._read[place.class_id] if prompt.attribute == place.attribute]

    def _unasked(self, place: Place) -> PromptTask:
        """What is to be asked for: as much as when it was asked for first, so that an edit asks for nothing.

        When nothing was asked yet under these settings (another model, another template), a person's own prompts stay
        and only the others are asked for.
        """
        both = Arm(self._asking.count)
        plain = self._kept(self.requests.first_request(place, FEASIBILITIES[0], both, both))
        edited = [] if plain else self._edited(place)
        arms = {}
        for name in FEASIBILITIES:
            plan = None if plain else self._book.get(self._plan_key(place, name))
            if plan is None:
                written = [prompt.name for prompt in edited if prompt.feasibility == name]
                plan = {"wanted": max(0, self._asking.count - len(written)), "avoid": written}
            arms[name] = Arm(plan["wanted"], tuple(plan["avoid"]))
        # what was asked for to the end is read again as it is, so that leaving it out asks for nothing either
        if self._book.get(self._done_key(place)) is None:
            for name, arm in arms.items():
                left_out = self._config.prompts.leaves_out(
                    "" if place.shared else place.class_id, place.attribute, name
                )
                arms[name] = Arm(0, arm.avoid) if left_out else arm
        return PromptTask(place, arms)

    def _plan_key(self, place: Place, name: str) -> str:
        return digest("plan", *self._own_parts(place), name)

    def _done_key(self, place: Place) -> str:
        return digest("done", *self._own_parts(place))

    def _own_parts(self, place: Place) -> tuple[str, ...]:
        return self._settings, self._templates, place.class_id, place.class_name, place.attribute


def _from_bank(place: Place, prompts: Sequence[Prompt]) -> PromptTask:
    arms = {}
    for name in FEASIBILITIES:
        ready = [p for p in prompts if (p.attribute, p.feasibility) == (place.attribute, name)]
        arms[name] = Arm(len(ready), prompts=ready)
    return PromptTask(place, arms, frozen=True)


def _examples(bank: str | None) -> list[Prompt]:
    """Prompts to show as examples, of any class of a bank."""
    if bank is None:
        return []
    loaded = load_bank(find_bank(bank, "prompts.openai.examples"))
    entries = [entry for entries in (*loaded.classes.values(), loaded.shared) for entry in entries]
    if not entries:
        raise ConfigError(f"prompts.openai.examples: {bank} holds no prompt")
    return [Prompt("", "", e.attribute, e.feasibility, e.name, e.description) for e in entries]


@dataclass
class OpenRequests:
    """What is still to be asked.

    Attributes:
        calls: requests, at least: repairs and second attempts come on top.
        answers: answers that are there.
        write: model that writes, and its tokens.
        judge: model that judges, and its tokens.
    """

    calls: int
    answers: int
    write: tuple[str, Spent]
    judge: tuple[str, Spent]


def open_requests(config: Config, classes: dict[str, str], paths: StudyPaths, *, tokens: bool = False) -> OpenRequests:
    """Count the open requests of a study; with ``tokens`` also their tokens."""
    part = stage_slices(config, classes)["prompts"]
    assert isinstance(part, PromptsSlice)  # noqa: S101  (for the type checker)
    path, folder = Path(paths.store("prompts")), Path(paths.prompts_folder)
    if not path.exists():
        return _count(Agenda(part, folder, _EmptyBook()), part.prompts.openai, 0, tokens)
    with closing(ItemStore(path)) as store:
        book = AnswerBook(store)
        return _count(Agenda(part, folder, book), part.prompts.openai, book.answers, tokens)


class _EmptyBook(AnswerBook):
    """No answer is kept, and no file is made for it."""

    def __init__(self) -> None:
        pass

    def get(self, key: str) -> None:  # noqa: ARG002
        return None


def _count(agenda: Agenda, asking: OpenAIPrompts, answers: int, tokens: bool) -> OpenRequests:
    calls, sent, answered = 0, 0, 0
    judged: dict[tuple[str, str], int] = {}
    for item, _, request in agenda.open_requests():
        place = item.place
        calls += 1
        wanted = sum(arm.wanted for arm in item.arms.values())
        judged[place.class_id, place.attribute] = wanted
        if tokens:
            from varireal.hosted.tokens import request_tokens

            sent += request_tokens(request)
            each = _WRITTEN_COLOR if COLOR in attribute_row(place.attribute).needs else _WRITTEN
            answered += each * wanted // len(item.arms)
    votes = Spent()
    if asking.judge.enabled:
        prompts = sum(judged.values())
        votes = Spent(len(judged), _JUDGED_AROUND * len(judged) + _JUDGED * prompts, _VOTED * prompts)
    writing = asking.model, Spent(calls, sent, answered)
    return OpenRequests(calls + votes.calls, answers, writing, (asking.judge.model or asking.model, votes))
