"""Commands for people about prompts of a language model: ``varireal prompts plan``, ``review`` and ``freeze``."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from varireal import names
from varireal.core.files import write_whole
from varireal.errors import ConfigError
from varireal.hosted.money import PriceList
from varireal.prompts.agenda import open_requests
from varireal.prompts.class_file import EDITED, REVIEW, read_class_file, scalar
from varireal.prompts.requests import counted
from varireal.records import Prompt
from varireal.running.logs import SUMMARY
from varireal.study.layout import Layout
from varireal.tools.check import load_study_config

logger = logging.getLogger(__name__)


def plan(*, configfile: Sequence[Path], study: Path | None = None) -> int:
    """Say what asking would take; nothing is sent.

    Raises:
        ConfigError: the config is not valid, or its prompts come from a bank.
    """
    layout = _asking_layout(configfile, study)
    asking = layout.config.prompts.openai
    left = open_requests(layout.config, layout.classes, layout.paths, tokens=True)
    parts = {what: part for what, part in (("write", left.write), ("judge", left.judge)) if part[1].sent}
    prices = PriceList.of(asking.server)
    logger.log(
        SUMMARY, "%d classes, %d settings, %d prompts each", len(layout.classes), len(layout.settings), asking.count
    )
    logger.log(SUMMARY, "at least %d calls to make, %d answers are kept already", left.calls, left.answers)
    for what, (model, tokens) in parts.items():
        usd = prices.usd(model, tokens)
        price = "no price in prompts.openai.server.prices" if usd is None else f"${usd:.2f}"
        amounts = (tokens.sent, tokens.answered, price)
        logger.log(SUMMARY, "%s: %s, about %d tokens sent, %d answered, %s", what, model, *amounts)
    total = prices.total(parts.values())
    if total is not None:
        logger.log(SUMMARY, "about $%.2f in all, repairs and second attempts not counted", total)
    logger.log(SUMMARY, "tokens are counted with CLIP's tokenizer; those of chat models differ by up to a third")
    return 0


def review(*, configfile: Sequence[Path], study: Path | None = None) -> int:
    """List what needs a human eye, one line each.

    Raises:
        ConfigError: the config or a file is not valid, or nothing was written yet.
    """
    layout = Layout(load_study_config(configfile, study))
    count = 0
    for class_id in layout.classes:
        path = Path(layout.paths.prompts(class_id))
        for prompt in _written(path):
            if prompt.status == REVIEW:
                opinion = f"{prompt.feasibility}, a second opinion says {prompt.judge}"
                logger.log(SUMMARY, "%s: %s: %r: %s", path, prompt.prompt_id, prompt.text, opinion)
                count += 1
            elif prompt.source == EDITED:
                logger.log(SUMMARY, "%s: %s: %r: changed by hand", path, prompt.prompt_id, prompt.text)
        for line in _short(Path(layout.paths.prompts_record(class_id))):
            logger.log(SUMMARY, "%s: %s", path, line)
            count += 1
    hint = "; edit or delete a prompt, or write 'status: approved' under it" if count else ""
    logger.log(SUMMARY, "%d to look at%s", count, hint)
    return 0


def freeze(*, configfile: Sequence[Path], output: Path, study: Path | None = None) -> int:
    """Write the prompts of a study as a bank, which a later run uses without a language model.

    Raises:
        ConfigError: the config or a file is not valid, nothing was written yet, or the bank exists already.
    """
    layout = Layout(load_study_config(configfile, study))
    if output.exists():
        raise ConfigError(
            f"{output} exists already; it may have changes of yours, so give another name or move it away"
        )
    blocks = []
    for class_id, name in layout.classes.items():
        blocks += [f"  # {_in_comment(name)}", f"  {scalar(class_id)}:"]
        blocks += _bank_lines(_written(Path(layout.paths.prompts(class_id))))
    head = [
        "# Prompts of a study, frozen by 'varireal prompts freeze'. Edit it as you like and keep it with your config:",
        f"#   prompts: {{source: bank, bank: {{path: {output.name}}}}}",
        f"dataset: {scalar(layout.config.study.name)}",
        f"noun: {scalar(layout.config.images.noun)}",
        "classes:",
    ]
    write_whole(output, "\n".join([*head, *blocks]) + "\n")
    logger.log(SUMMARY, "%s has the prompts of %d classes", output, len(layout.classes))
    return 0


def _bank_lines(prompts: Sequence[Prompt]) -> list[str]:
    lines = []
    for attribute in names.ATTRIBUTES:
        arms = [f for f in names.FEASIBILITIES if any((p.attribute, p.feasibility) == (attribute, f) for p in prompts)]
        lines += [f"    {attribute}:"] if arms else []
        for arm in arms:
            lines.append(f"      {arm}:")
            for prompt in prompts:
                if (prompt.attribute, prompt.feasibility) == (attribute, arm):
                    lines.append(f"        - name: {scalar(prompt.name)}")
                    extra = (("description", prompt.description), ("rgb", prompt.rgb))
                    lines += [f"          {key}: {scalar(text)}" for key, text in extra if text]
    return lines


def _in_comment(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _written(path: Path) -> list[Prompt]:
    if not path.exists():
        raise ConfigError(f"{path} is not there yet; run the workflow first ('snakemake --cores all prompts')")
    return read_class_file(path)


def _short(record: Path) -> list[str]:
    """Settings that fell short, of a record."""
    facts: dict[str, Any] = json.loads(record.read_text("utf-8")) if record.exists() else {}
    return [
        f"{name}: {counts['short']} of {counts['wanted']} short"
        + (f" ({counted(counts['refused'])})" if counts["refused"] else "")
        for name, counts in facts.get("settings", {}).items()
        if counts["short"]
    ]


def _asking_layout(configfile: Sequence[Path], study: Path | None) -> Layout:
    layout = Layout(load_study_config(configfile, study))
    if not layout.asks:
        raise ConfigError(
            "prompts.source is 'bank': nothing is asked; set it to 'openai' to plan for a language model"
        )
    return layout
