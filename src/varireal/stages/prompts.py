r"""Prompts: one readable, editable file per class.

By hand::

    varireal prompts --config results/demo/config/prompts.json --class-id mallard \
        --output results/demo/prompts/mallard.yaml --record results/demo/prompts/.record/mallard.json

Where a language model writes them, one job asks for all classes::

    varireal prompts ask --config results/demo/config/prompts.json --server results/demo/config/server.json \
        --store results/demo/store/prompts.sqlite --output results/demo/prompts
"""

import asyncio
import json
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any

from varireal.config.slices import PromptsSlice, ServerSlice, read_slice, slice_digest
from varireal.core.files import few, write_whole
from varireal.core.paths import setting
from varireal.errors import BackendError, ConfigError
from varireal.prompts.agenda import Agenda
from varireal.prompts.bank import find_bank, load_bank, new_prompt_id, prompts_for, prompts_origin
from varireal.prompts.class_file import write_class_file
from varireal.prompts.gathering import because
from varireal.prompts.requests import PromptTask
from varireal.prompts.vetting import Vetting
from varireal.records import ClassInfo, Prompt
from varireal.running import job_record
from varireal.stages.common import Summary
from varireal.store.items import ItemStore, open_store

logger = logging.getLogger(__name__)

_PLACE, _EMBEDDING_PLACE = "prompts.openai.server", "prompts.openai.embedding_server"
_SECONDS_BETWEEN_NEWS = 10.0


def run_asked(config: PromptsSlice, *, server: Path, store: Path, output: Path) -> Summary:
    """Ask for what is missing and write or refresh every class's file; what a person edited is kept.

    Args:
        config: the stage's slice.
        server: the slice of the server, its traffic and its budget.
        store: answers that were paid for; none of their questions is asked again.
        output: folder of the prompt files; records and raw answers are in ``.record`` and ``.answers`` of it.

    A class that has fewer prompts than ``prompts.minimum`` is noted in its record, and ``prompts_gathered`` ends the
    run for it: this job has done all that it can, and a job that fails would lose its files.

    Raises:
        BackendError: the server does not answer, does not know the key, or left a setting below the minimum by not
            answering; what was answered is kept.
        BudgetReachedError: the budget ends before the questions do.
        StoppedError: a signal has come; the answers that came are kept.
    """
    with open_store(store) as answers:
        session = _Session(config, read_slice(server, ServerSlice), output, answers)
        asyncio.run(_ask_all(session))
    counts: Counter[str] = Counter()
    unanswered = []
    for class_id, name in config.classes.items():
        prompts, short = _write(session, ClassInfo(class_id, name), output)
        counts.update(prompt.source for prompt in prompts)
        unanswered += [f"{class_id} {one}" for one in short if _failures(session, class_id, one)]
    write_whole(output / ".record" / "usage.json", json.dumps(_usage(session), indent=1, sort_keys=True) + "\n")
    if unanswered:
        raise BackendError(
            "the server did not answer for settings that have fewer prompts than prompts.minimum "
            f"({few(unanswered, 20)}); what was answered is kept, run the same command again to ask for the rest"
        )
    lines = [line for asked in session.agenda.items for line in _shortfalls(session, asked)]
    for line in lines:
        logger.warning("short: %s", line)
    told = [] if session.meanings is None or session.meanings.measured is None else [session.meanings.measured.words()]
    return Summary(dict(counts), session.asked, tuple(told))


class _Session:
    """Everything that asking needs, put together."""

    def __init__(self, config: PromptsSlice, where: ServerSlice, folder: Path, store: ItemStore) -> None:
        # here, for a study with a bank needs nothing of the extra llm
        from varireal.hosted.client import Asker
        from varireal.hosted.tokens import token_counter
        from varireal.prompts.writing import Dialogue, Meanings, PromptWriter

        self.config = config
        self.asking = asking = config.prompts.openai.model_copy(update={"server": where.server})
        self.asker = Asker(where.server, store, _PLACE, grace=where.grace_seconds, structured=asking.structured)
        self.agenda = Agenda(config, folder, self.asker.book)
        vetting = Vetting(asking, config.noun, config.classes, token_counter(asking.tokenizer))
        self.embedder = self.asker
        if where.embedding is not None:
            there = where.server.model_copy(update=dict(where.embedding) | {"azure_api_version": None})
            self.embedder = Asker(there, store, _EMBEDDING_PLACE, grace=where.grace_seconds)
            # one study, one account; and a signal waits for what is under way at either
            self.embedder.book, self.embedder.meter = self.asker.book, self.asker.meter
            self.embedder.under_way = self.asker.under_way
        self.meanings = None if asking.embedding_model is None else Meanings(asking.embedding_model, self.embedder)
        self.writer = PromptWriter(asking, Dialogue(asking, self.agenda.requests, self.asker), vetting, self.meanings)

    @property
    def asked(self) -> int:
        """Requests that were answered now."""
        return sum(asker.asked for asker in {self.asker, self.embedder})

    async def close(self) -> None:
        """Write what waits, and close the connections."""
        for asker in {self.asker, self.embedder}:
            await asker.close()


async def _ask_all(session: _Session) -> None:
    """Ask everything at once, as far as the traffic lets."""
    from varireal.hosted.session import run_all

    waiting = [asked for asked in session.agenda.items if not asked.frozen]
    news = _News(len(waiting))
    try:
        await run_all(session.asker, [_ask(session, asked, news) for asked in waiting])
    finally:
        await session.close()


async def _ask(session: _Session, asked: PromptTask, news: "_News") -> None:
    session.agenda.remember(asked)
    await session.writer.write(asked, session.agenda.rules(asked))
    if not any(arm.failures for arm in asked.arms.values()):
        session.agenda.finished(asked)
    news.one_more(session)


class _News:
    """Says now and then how far it is."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._last = total, 0, time.monotonic()
        job_record.expect(total)

    def one_more(self, session: _Session) -> None:
        self._done += 1
        job_record.tick(self._done, self._total)
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_NEWS:
            self._last = time.monotonic()
            logger.info("%d of %d written, %d answers now", self._done, self._total, session.asker.asked)


def _write(session: _Session, info: ClassInfo, output: Path) -> tuple[list[Prompt], list[str]]:
    """Write a class's file, its record and its raw answers; return its prompts and the settings below the minimum."""
    by_attribute = session.agenda.of_class(info.class_id)
    taken: set[str] = set()
    fresh, settings, raw = [], {}, []
    for attribute, asked in by_attribute.items():
        for arm, result in asked.arms.items():
            left_out = session.config.prompts.leaves_out(info.class_id, attribute, arm)
            for p in () if left_out else result.prompts:
                prompt_id = new_prompt_id(info.class_id, attribute, arm, p.name, taken)
                facts = (p.source if p.source != "bank" else "frozen", p.rgb, p.model, p.judge, p.status)
                fresh.append(Prompt(prompt_id, info.class_id, attribute, arm, p.name, p.description, *facts))
            settings[setting(attribute, arm)] = {
                "wanted": result.wanted,
                "accepted": len(result.prompts),
                "short": result.short,
                "refused": result.reasons,
                "attempts": result.attempts,
                "votes": dict(sorted(result.votes.items())),
            } | ({"left_out": True, "short": 0} if left_out else {})
        raw += [f'{{"attribute": {json.dumps(attribute)}, {answer[1:]}' for answer in asked.raw]
    path = output / f"{info.class_id}.yaml"
    prompts, remarks = write_class_file(path, info, fresh, origin=f"language model {session.asking.model}")
    for remark in remarks:
        logger.warning("%s: %s", info.class_id, remark)
    write_whole(output / ".answers" / f"{info.class_id}.jsonl", "".join(f"{line}\n" for line in raw))
    short = _below_minimum(session.config, prompts, settings)
    facts_of_class = {
        "class_id": info.class_id,
        "config": slice_digest(session.config),
        "prompts": len(prompts),
        "remarks": remarks,
        "settings": settings,
    } | ({"minimum": session.config.prompts.minimum, "below_minimum": short} if short else {})
    write_whole(output / ".record" / f"{info.class_id}.json", json.dumps(facts_of_class, sort_keys=True) + "\n")
    return prompts, short


def _below_minimum(config: PromptsSlice, prompts: list[Prompt], settings: dict[str, Any]) -> list[str]:
    have = Counter(setting(p.attribute, p.feasibility) for p in prompts)
    wanted = [name for name, facts in settings.items() if not facts.get("left_out")]
    return [name for name in wanted if have[name] < config.prompts.minimum]


def _failures(session: _Session, class_id: str, name: str) -> int:
    """Questions for a class's setting that the server did not answer."""
    attribute, _, arm = name.partition("/")
    return session.agenda.of_class(class_id)[attribute].arms[arm].failures


def _shortfalls(session: _Session, asked: PromptTask) -> list[str]:
    place, leaves_out = asked.place, session.config.prompts.leaves_out
    what = f"{place.class_name!r} {place.attribute}"
    return [
        f"{what}/{name}: {arm.short} of {arm.wanted} short{because(arm.reasons)}"
        for name, arm in asked.arms.items()
        if arm.short and not leaves_out("" if place.shared else place.class_id, place.attribute, name)
    ]


def _usage(session: _Session) -> dict[str, Any]:
    """What the study's prompts cost in all, by model."""
    meter = session.asker.meter
    models = {
        model: {
            "calls": spent.calls,
            "tokens_sent": spent.sent,
            "tokens_answered": spent.answered,
            "usd": meter.prices.usd(model, spent),
        }
        for model, spent in sorted(meter.spent.items())
    }
    measured = None if session.meanings is None else session.meanings.measured
    duplicates = {} if measured is None else {"duplicates": measured.facts()}
    return {"models": models, "tokens": meter.tokens, "usd": meter.usd if models else 0.0, **duplicates}


def run(config: PromptsSlice, *, class_id: str, output: Path, record: Path) -> Summary:
    """Write or refresh the prompt file of one class; what a person edited in it is kept.

    Args:
        config: the stage's slice.
        class_id: the class.
        output: the class's prompt file.
        record: JSON file that says what was written and what was kept.

    Raises:
        ConfigError: no such class, or the bank or the existing file cannot be used.
    """
    name = config.classes.get(class_id)
    if name is None:
        raise ConfigError(f"no class {class_id!r} in this study; classes: {', '.join(config.classes)}")
    path = find_bank(config.prompts.bank.path)
    every = prompts_for(load_bank(path), class_id, name)
    prompts = [p for p in every if not config.prompts.leaves_out(class_id, p.attribute, p.feasibility)]
    written, remarks = write_class_file(output, ClassInfo(class_id, name), prompts, origin=prompts_origin(path))
    for remark in remarks:
        logger.warning("%s: %s", class_id, remark)
    facts = {"class_id": class_id, "config": slice_digest(config), "prompts": len(written), "remarks": remarks}
    write_whole(record, json.dumps(facts, sort_keys=True) + "\n")
    return Summary(dict(Counter(prompt.source for prompt in written)))
