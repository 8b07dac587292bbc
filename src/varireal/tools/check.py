"""Checks for people before a run: ``varireal config check`` and ``varireal prompts check``."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from varireal.backends import BackendContext, make_backend
from varireal.config.finding import config_source
from varireal.config.model import Config
from varireal.errors import ConfigError, UnknownPromptError
from varireal.hosted.address import address_note
from varireal.models.catalog import hosted_models
from varireal.prompts.checks import check_prompts
from varireal.prompts.class_file import read_class_file
from varireal.records import Prompt
from varireal.running.logs import SUMMARY
from varireal.study.layout import Layout

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PromptFinding:
    """What is wrong with a prompt: where it is, what it is, and whether it stops a run."""

    place: str
    message: str
    severity: str


def check_config(*, configfile: Sequence[Path], study: Path | None = None) -> int:
    """Check config files as the workflow would, and name the study.

    Raises:
        ConfigError: the first mistake.
    """
    layout = Layout(load_study_config(configfile, study))
    layout.check()
    for asked in hosted_models(layout.config):
        note = address_note(asked.server)
        if note:
            logger.log(SUMMARY, "note: %s.server.base_url: %s", asked.key, note)
    logger.log(
        SUMMARY,
        "ok: study %s, %d classes, %d settings, %d shards, results in %s",
        layout.config.study.name,
        len(layout.classes),
        len(layout.settings),
        len(layout.shards),
        layout.paths.root,
    )
    return 0


def load_study_config(configfile: Sequence[Path], study: Path | None = None) -> Config:
    """The config of the files, each on top of the one before, as the workflow reads them; of none, ``config.yaml``.

    Args:
        configfile: config files of the study.
        study: its folder, by which its files are found when none is given.

    Raises:
        ConfigError: a file is missing, the config is not valid or not the study's, or none is known for the study.
    """
    return config_source(configfile, study).load()


def check_prompt_files(*, configfile: Sequence[Path], study: Path | None = None) -> int:
    """Check every prompt that the study would use: texts, counts, and whether the editor knows the words.

    Raises:
        ConfigError: a prompt would stop the run or end as a failed item; all findings are printed first.
    """
    layout = Layout(load_study_config(configfile, study))
    findings = list(prompt_findings(layout))
    for finding in findings:
        logger.log(SUMMARY, "%s: %s: %s", finding.severity, finding.place, finding.message)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise ConfigError(f"{len(errors)} prompts need a change; the first: {errors[0].place}: {errors[0].message}")
    total = sum(len(prompts) for _, prompts in study_prompts(layout))
    logger.log(SUMMARY, "ok: %d prompts of %d classes", total, len(layout.classes))
    return 0


def study_prompts(layout: Layout) -> Iterator[tuple[str, list[Prompt]]]:
    """Each class's prompts: from its file when there is one, else from the bank.

    Raises:
        ConfigError: a file is damaged or a class has no prompts.
    """
    bank = layout.bank_prompts
    for class_id in layout.classes:
        path = Path(layout.paths.prompts(class_id))
        if path.exists():
            yield str(path), read_class_file(path)
        else:
            yield layout.config.prompts.bank.path, bank[class_id]


def prompt_findings(layout: Layout) -> Iterator[PromptFinding]:
    """Everything that is wrong with the prompts of a study."""
    edits = layout.config.edits
    editor = make_backend("editors", edits.backend, edits, BackendContext(noun=layout.config.images.noun))
    for class_id, (place, prompts) in zip(layout.classes, study_prompts(layout), strict=True):
        wanted = layout.wanted_prompts(class_id)
        problems = check_prompts(prompts, noun=layout.config.images.noun, class_names=layout.classes, minimum=wanted)
        for problem in problems:
            yield PromptFinding(f"{place}: {problem.prompt_id}", problem.message, problem.severity)
        for prompt in prompts:
            if prompt.attribute in layout.config.edits.attributes:
                try:
                    editor.check(prompt)
                except UnknownPromptError as error:
                    yield PromptFinding(f"{place}: {prompt.prompt_id}", str(error), "error")
