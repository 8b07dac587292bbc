"""``varireal why``: what would run again, and which key, prompt or file is the reason."""

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from varireal.config.finding import config_source
from varireal.errors import ConfigError
from varireal.layout import Layout
from varireal.logs import SUMMARY
from varireal.observing.why_causes import WEAK, Cause, Explainer
from varireal.observing.why_dry_run import Job, dry_run
from varireal.observing.why_records import read_record
from varireal.provenance import STAGE_VERSIONS

logger = logging.getLogger(__name__)

# By the order of work.
STAGES = tuple(STAGE_VERSIONS)

_MOST_CAUSES = 20
_LONGEST_VALUE = 160


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that would run, and why.

    Attributes:
        job: the job.
        causes: what made it run, directly or through the jobs before it.
    """

    job: Job
    causes: tuple[Cause, ...]


def run(*, path: Sequence[str], configfile: Sequence[Path], json_: bool) -> int:
    """Say what would run again and why; nothing is run.

    Args:
        path: results or names of stages; none for the whole study.
        configfile: config files of the study; without them they are found by the first path.
        json_: print the answer as JSON.

    Raises:
        ConfigError: the config is not valid, or a path is no result of this study.
        BackendError: Snakemake cannot be asked.
    """
    source = config_source(configfile, None if configfile else _place(path))
    layout = Layout(source.load())
    targets = [_target(text, layout) for text in path]
    layout.check()
    planned = explain(layout, dry_run(source.options, layout.paths.root))
    chosen = [entry for entry in planned if not targets or any(_makes(entry.job, target) for target in targets)]
    for target in targets:
        _check_known(target, chosen, layout)
    if json_:
        sys.stdout.write(json.dumps(as_json(layout.paths.root, chosen), indent=2) + "\n")
        return 0
    for line in lines(", ".join(path) or layout.paths.root, chosen, whole=not targets):
        logger.log(SUMMARY, "%s", line)
    return 0


def explain(layout: Layout, jobs: Sequence[Job]) -> list[Planned]:
    """Each job with its causes: its own, and those of the jobs that write its inputs in the same run."""
    explainer = Explainer(layout)
    makers = {path: job for job in jobs for path in job.outputs}
    found: dict[str, tuple[Cause, ...]] = {}

    def causes(job: Job) -> tuple[Cause, ...]:
        if job.log not in found:
            before = {makers[path].log: makers[path] for path in job.reasons.get("behind", ()) if path in makers}
            every = [*explainer.causes(job), *(cause for maker in before.values() for cause in causes(maker))]
            strong = [cause for cause in every if cause.kind not in WEAK]
            found[job.log] = tuple(dict.fromkeys(strong or every))
        return found[job.log]

    return [Planned(job, causes(job)) for job in jobs]


def lines(what: str, planned: Sequence[Planned], *, whole: bool) -> list[str]:
    """The answer for people."""
    if not planned:
        return [f"{what}: nothing to do, all results are up to date" if whole else f"{what}: up to date"]
    every = list(dict.fromkeys(cause for entry in planned for cause in entry.causes))
    jobs = "1 job" if len(planned) == 1 else f"{len(planned)} jobs"
    said = [f"{what}: {jobs} would run ({_by_stage(planned)}), because of"]
    for cause in every[:_MOST_CAUSES]:
        reached = [entry for entry in planned if cause in entry.causes]
        reach = f"  ({_by_stage(reached)})" if len(planned) > 1 else ""
        said.append(f"  {_shortened(cause)}{reach}")
    if len(every) > _MOST_CAUSES:
        said.append(f"  and {len(every) - _MOST_CAUSES} more; --json lists them all")
    return said


def as_json(root: str, planned: Sequence[Planned]) -> dict[str, Any]:
    """The answer for programs."""
    return {
        "study": root,
        "jobs": [
            {
                "stage": entry.job.stage,
                "rule": entry.job.rule,
                "log": entry.job.log,
                "outputs": list(entry.job.outputs),
                "reasons": sorted(entry.job.reasons),
                "causes": [asdict(cause) for cause in entry.causes],
            }
            for entry in planned
        ],
    }


def _place(path: Sequence[str]) -> Path | None:
    """The first path among the words; a word that is neither a stage nor there is left for the message about it."""
    paths = (Path(text) for text in path if text not in STAGES and (os.sep in text or Path(text).exists()))
    return next(paths, None)


def _target(text: str, layout: Layout) -> str:
    """The name of a stage, or a path as Snakemake has it.

    Raises:
        ConfigError: it lies in no place of this study.
    """
    if text in STAGES:
        return text
    path = os.path.normpath(text)
    if Path(path).is_absolute() and not Path(layout.paths.root).is_absolute():
        path = os.path.relpath(path)
    if path != layout.paths.root and not path.startswith(layout.paths.root + "/"):
        raise ConfigError(
            f"{text} is neither in {layout.paths.root}, the study of this config (--configfile), nor a stage: "
            + ", ".join(STAGES)
        )
    return path


def _makes(job: Job, target: str) -> bool:
    """Whether the job is of the stage, or writes the path, something in it, or a folder that it is in."""
    if target in STAGES:
        return job.stage == target
    return any(out == target or out.startswith(target + "/") or target.startswith(out + "/") for out in job.outputs)


def _check_known(target: str, chosen: Sequence[Planned], layout: Layout) -> None:
    """Refuse a path that no job writes: "up to date" would be a wrong answer."""
    if target in STAGES or Path(target).is_dir() or any(_makes(entry.job, target) for entry in chosen):
        return
    inside_report = target.startswith(layout.paths.report + "/") and Path(target).exists()
    if not inside_report and read_record(target) is None:
        raise ConfigError(f"{target} is no result: no job of this study writes it")


def _by_stage(planned: Sequence[Planned]) -> str:
    counts = Counter(entry.job.stage for entry in planned)
    return ", ".join(f"{stage} {counts[stage]}" for stage in STAGES if counts[stage])


def _shortened(cause: Cause) -> str:
    """A line of a cause; long values of a config (a list of classes) are cut in the middle."""
    return Cause(cause.kind, cause.what, _cut(cause.then), _cut(cause.now)).line


def _cut(text: str) -> str:
    text = " ".join(text.split())
    half = _LONGEST_VALUE // 2
    return text if len(text) <= _LONGEST_VALUE else f"{text[:half]} ... {text[-half:]}"
