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
from varireal.core.files import write_whole
from varireal.core.paths import setting
from varireal.errors import ConfigError
from varireal.prompts.agenda import Agenda
from varireal.prompts.bank import find_bank, load_bank, new_prompt_id, prompts_for, prompts_origin
from varireal.prompts.class_file import write_class_file
from varireal.prompts.requests import PromptTask, counted
from varireal.prompts.vetting import Vetting
from varireal.records import ClassInfo, Prompt
from varireal.running import job_record
from varireal.stages.common import Summary
from varireal.store.items import ItemStore, open_store

logger = logging.getLogger(__name__)

_PLACE = "prompts.openai.server"
_SECONDS_BETWEEN_NEWS = 10.0


def run_asked(config: PromptsSlice, *, server: Path, store: Path, output: Path) -> Summary:
    """Ask for what is missing and write or refresh every class's file; what a person edited is kept.

    Args:
        config: the stage's slice.
        server: the slice of the server, its traffic and its budget.
        store: answers that were paid for; none of their questions is asked again.
        output: folder of the prompt files; records and raw answers are in ``.record`` and ``.answers`` of it.

    Raises:
        ConfigError: a class has fewer prompts than ``prompts.minimum``; everything is written all the same.
        BackendError: the server does not answer or does not know the key.
        BudgetReachedError: the budget ends before the questions do.
        StoppedError: a signal has come; the answers that came are kept.
    """
    with open_store(store) as answers:
        session = _Session(config, read_slice(server, ServerSlice), output, answers)
        asyncio.run(_ask_all(session))
    counts: Counter[str] = Counter()
    short = []
    for class_id, name in config.classes.items():
        prompts, settings = _write(session, ClassInfo(class_id, name), output)
        counts.update(prompt.source for prompt in prompts)
        short += _below_minimum(config, class_id, prompts, settings)
    write_whole(output / ".record" / "usage.json", json.dumps(_usage(session), indent=1, sort_keys=True) + "\n")
    if short:
        raise ConfigError(f"{len(short)} settings have too few prompts (prompts.minimum); the first: {short[0]}")
    lines = tuple(line for asked in session.agenda.items for line in _shortfalls(asked))
    shown = lines if len(lines) <= 10 else (*lines[:10], f"and {len(lines) - 10} more settings are short")
    return Summary(dict(counts), session.asker.asked, shown)


class _Session:
    """Everything that asking needs, put together."""

    def __init__(self, config: PromptsSlice, where: ServerSlice, folder: Path, store: ItemStore) -> None:
        # here, for a study with a bank needs nothing of the extra llm
        from varireal.hosted.client import Asker
        from varireal.hosted.tokens import token_counter
        from varireal.prompts.writing import Dialogue, PromptWriter

        self.config = config
        self.asking = asking = config.prompts.openai.model_copy(update={"server": where.server})
        self.asker = Asker(where.server, store, _PLACE, grace=where.grace_seconds, structured=asking.structured)
        self.agenda = Agenda(config, folder, self.asker.book)
        vetting = Vetting(asking, config.noun, config.classes, token_counter(asking.tokenizer))
        self.writer = PromptWriter(asking, Dialogue(asking, self.agenda.requests, self.asker), vetting)


async def _ask_all(session: _Session) -> None:
    """Ask everything at once, as far as the traffic lets."""
    from varireal.hosted.session import run_all

    waiting = [asked for asked in session.agenda.items if not asked.frozen]
    news = _News(len(waiting))
    try:
        await run_all(session.asker, [_ask(session, asked, news) for asked in waiting])
    finally:
        await session.asker.close()


async def _ask(session: _Session, asked: PromptTask, news: "_News") -> None:
    session.agenda.remember(asked)
    await session.writer.write(asked)
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


def _write(session: _Session, info: ClassInfo, output: Path) -> tuple[list[Prompt], dict[str, Any]]:
    """Write a class's file, its record and its raw answers; return its prompts and what became of each setting."""
    by_attribute = session.agenda.of_class(info.class_id)
    taken: set[str] = set()
    fresh, settings, raw = [], {}, []
    for attribute, asked in by_attribute.items():
        for arm, result in asked.arms.items():
            for p in result.prompts:
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
            }
        raw += [f'{{"attribute": {json.dumps(attribute)}, {answer[1:]}' for answer in asked.raw]
    path = output / f"{info.class_id}.yaml"
    prompts, remarks = write_class_file(path, info, fresh, origin=f"language model {session.asking.model}")
    for remark in remarks:
        logger.warning("%s: %s", info.class_id, remark)
    write_whole(output / ".answers" / f"{info.class_id}.jsonl", "".join(f"{line}\n" for line in raw))
    facts_of_class = {
        "class_id": info.class_id,
        "config": slice_digest(session.config),
        "prompts": len(prompts),
        "remarks": remarks,
        "settings": settings,
    }
    write_whole(output / ".record" / f"{info.class_id}.json", json.dumps(facts_of_class, sort_keys=True) + "\n")
    return prompts, settings


def _below_minimum(config: PromptsSlice, class_id: str, prompts: list[Prompt], settings: dict[str, Any]) -> list[str]:
    have = Counter(setting(p.attribute, p.feasibility) for p in prompts)
    return [
        f"{class_id} {name} has {have[name]} of {config.prompts.minimum}{_because(facts['refused'])}"
        for name, facts in settings.items()
        if have[name] < config.prompts.minimum
    ]


def _shortfalls(asked: PromptTask) -> list[str]:
    place = asked.place
    return [
        f"{place.class_name!r} {setting(place.attribute, name)}: "
        f"{arm.short} of {arm.wanted} short{_because(arm.reasons)}"
        for name, arm in asked.arms.items()
        if arm.short
    ]


def _because(reasons: dict[str, int]) -> str:
    return f" (refused: {counted(reasons)})" if reasons else ""


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
    return {"models": models, "tokens": meter.tokens, "usd": meter.usd if models else 0.0}


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
    prompts = prompts_for(load_bank(path), class_id, name)
    written, remarks = write_class_file(output, ClassInfo(class_id, name), prompts, origin=prompts_origin(path))
    for remark in remarks:
        logger.warning("%s: %s", class_id, remark)
    facts = {"class_id": class_id, "config": slice_digest(config), "prompts": len(written), "remarks": remarks}
    write_whole(record, json.dumps(facts, sort_keys=True) + "\n")
    return Summary(dict(Counter(prompt.source for prompt in written)))
