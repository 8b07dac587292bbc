r"""Prompts that a language model writes: one job asks for all classes, and each gets its readable, editable file.

By hand::

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

from varireal.asking.agenda import Agenda
from varireal.asking.judging import Judge
from varireal.asking.keeping import AnswerBook
from varireal.asking.meter import Meter, price_of
from varireal.asking.places import Asked, counted
from varireal.asking.running import run_all
from varireal.asking.tokens import token_counter
from varireal.asking.traffic import Asker
from varireal.asking.vetting import Vetting
from varireal.asking.writing import Writer
from varireal.config.slices import PromptsSlice, ServerSlice, read_slice, slice_digest
from varireal.errors import ConfigError
from varireal.files import write_whole
from varireal.paths import setting
from varireal.prompting.bank import new_prompt_id
from varireal.prompting.files import update_class_file
from varireal.records import ClassInfo, Prompt
from varireal.stages.summary import Summary
from varireal.store import open_store

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_NEWS = 10.0


def run(config: PromptsSlice, *, server: Path, store: Path, output: Path) -> Summary:
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
    with open_store(store) as kept:
        session = _Session(config, read_slice(server, ServerSlice), output, AnswerBook(kept))
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

    def __init__(self, config: PromptsSlice, where: ServerSlice, folder: Path, book: AnswerBook) -> None:
        self.config, server = config, where.server
        self.asking = config.prompts.openai.model_copy(update={"server": server})
        self.agenda = Agenda(config, folder, book)
        self.meter = Meter(server.budget, server.prices)
        for paid in book.usage():
            self.meter.add(paid)
        self.asker = Asker(server, book, self.meter, structured=self.asking.structured, grace=where.grace_seconds)
        questions = self.agenda.questions
        judge = Judge(self.asking, questions, self.asker) if self.asking.judge.enabled else None
        vetting = Vetting(self.asking, config.noun, config.classes, token_counter(self.asking.tokenizer))
        self.writer = Writer(self.asking, questions, self.asker, vetting, judge)


async def _ask_all(session: _Session) -> None:
    """Ask everything at once, as far as the traffic lets."""
    waiting = [asked for asked in session.agenda.items if not asked.frozen]
    news = _News(len(waiting))
    try:
        await run_all(session.asker, [_ask(session, asked, news) for asked in waiting])
    finally:
        await session.asker.close()


async def _ask(session: _Session, asked: Asked, news: "_News") -> None:
    session.agenda.remember(asked)
    await session.writer.write(asked)
    if not any(arm.failures for arm in asked.arms.values()):
        session.agenda.finished(asked)
    news.one_more(session)


class _News:
    """Says now and then how far it is."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._last = total, 0, time.monotonic()

    def one_more(self, session: _Session) -> None:
        self._done += 1
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_NEWS:
            self._last = time.monotonic()
            logger.info("%d of %d written, %d answers now", self._done, self._total, session.asker.asked)


def _write(session: _Session, info: ClassInfo, output: Path) -> tuple[list[Prompt], dict[str, Any]]:
    """Write a class's file, its record and its raw answers; return its prompts and what became of each setting."""
    found = session.agenda.of_class(info.class_id)
    taken: set[str] = set()
    fresh, settings, raw = [], {}, []
    for attribute, asked in found.items():
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
    kept, remarks = update_class_file(path, info, fresh, origin=f"language model {session.asking.model}")
    for remark in remarks:
        logger.warning("%s: %s", info.class_id, remark)
    write_whole(output / ".answers" / f"{info.class_id}.jsonl", "".join(f"{line}\n" for line in raw))
    facts_of_class = {
        "class_id": info.class_id,
        "config": slice_digest(session.config),
        "prompts": len(kept),
        "remarks": remarks,
        "settings": settings,
    }
    write_whole(output / ".record" / f"{info.class_id}.json", json.dumps(facts_of_class, sort_keys=True) + "\n")
    return kept, settings


def _below_minimum(config: PromptsSlice, class_id: str, prompts: list[Prompt], settings: dict[str, Any]) -> list[str]:
    have = Counter(setting(p.attribute, p.feasibility) for p in prompts)
    return [
        f"{class_id} {name} has {have[name]} of {config.prompts.minimum}{_because(facts['refused'])}"
        for name, facts in settings.items()
        if have[name] < config.prompts.minimum
    ]


def _shortfalls(asked: Asked) -> list[str]:
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
    prices = session.asking.server.prices
    models = {
        model: {
            "calls": spent.calls,
            "tokens_sent": spent.sent,
            "tokens_answered": spent.answered,
            "usd": price_of(prices, model, spent.sent, spent.answered),
        }
        for model, spent in sorted(session.meter.spent.items())
    }
    return {"models": models, "tokens": session.meter.tokens, "usd": session.meter.usd if models else 0.0}
