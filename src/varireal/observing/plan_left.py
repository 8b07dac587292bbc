"""What a study has done already, and what of it a changed config or prompt makes again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from varireal.config.slices import slice_digest, stage_slices
from varireal.errors import DataError
from varireal.layout import Layout
from varireal.models.pinning import as_locked
from varireal.observing.cutting import known_prompts
from varireal.observing.expected import Plan
from varireal.observing.status_records import StudyStatus
from varireal.plaintext import few

_AGAIN = "what item stores hold of the same inputs is found again"
_BEHIND = ("dataset", "adapters", "predictions", "report")  # stages that read every edit


@dataclass
class Count:
    """Items of a stage, in all.

    Attributes:
        low: at least.
        high: at most.
        done: done already.
        jobs: jobs in all.
        jobs_done: done already.
    """

    low: int
    high: int
    done: int = 0
    jobs: int = 0
    jobs_done: int = 0

    @property
    def open(self) -> bool:
        """Whether anything may be left."""
        return self.high > self.done


def subtract(layout: Layout, stages: Mapping[str, Count], notes: list[str], status: StudyStatus) -> None:
    """Note what is done by stages whose config and prompts are still the same.

    Args:
        layout: the study as it is wanted now.
        stages: items by stage; ``done`` is put in.
        notes: what the numbers leave out; more are added.
        status: the study as it is.
    """
    config, licences = as_locked(layout.config)
    now = {name: slice_digest(part) for name, part in stage_slices(config, layout.classes, licences).items()}
    then = Plan.of_study(Path(layout.paths.root)).digests
    for stage in status.stages:
        count, name = stages[stage.stage], "edits" if stage.stage == "priors" else stage.stage
        if name in then and then[name] != now[name]:
            notes.append(f"{stage.stage}: the config of this stage has changed, so all of it counts as left; {_AGAIN}")
            continue
        count.done = min(stage.done or 0, count.high)
        count.jobs_done = min(stage.by_state.get("ended", 0), count.jobs)
        if stage.left == 0:
            count.low = count.high = count.done
            count.jobs_done = count.jobs
        elif stage.outdated:
            notes.append(f"{stage.stage}: {stage.outdated} tables of another config count as done")
    if stages["edits"].done:
        _take_back_prompts(layout, stages, notes)
    if stages["masks"].open and stages["edits"].done:
        notes.append("edits: those of photos whose mask comes out otherwise are made again and are not counted")
    _take_back_behind(stages, notes)


def _take_back_prompts(layout: Layout, stages: Mapping[str, Count], notes: list[str]) -> None:
    """Edits whose prompt says something else now are left, and so are their verdicts."""
    rows, jobs = 0, 0
    prompts: set[str] = set()
    for setting_rows, setting_jobs, changed in _changed(layout):
        rows, jobs, prompts = rows + setting_rows, jobs + setting_jobs, prompts | changed
    if not rows:
        return
    for name in ("edits", "verdicts"):
        count = stages[name]
        count.done, count.jobs_done = max(0, count.done - rows), max(0, count.jobs_done - jobs)
    notes.append(f"edits: {rows} were made with a prompt that has changed since: {few(sorted(prompts))}")


def _changed(layout: Layout) -> Iterator[tuple[int, int, set[str]]]:
    """By setting and shard: edits made with a text that is no prompt any more, jobs that make them, ids of prompts."""
    paths, rounds = layout.paths, range(layout.config.edits.rounds)
    found = [prompt for class_id in layout.classes for prompt in known_prompts(layout, class_id) or ()]
    known = {(prompt.prompt_id, prompt.name, prompt.description) for prompt in found}
    for setting, shard in product(layout.settings, layout.shards):
        tables = [Path(paths.edits(*setting, number, shard)) for number in rounds]
        used = [pair for path in tables if path.is_file() for pair in _prompts_of(path)]
        changed = [(text, count) for text, count in used if text[0] and text not in known]
        if changed:
            yield sum(count for _, count in changed), len(tables), {text[0] for text, _ in changed}


def _prompts_of(path: Path) -> list[tuple[tuple[str, str, str], int]]:
    """Prompts that the edits of a table were made with, and how many each; a damaged table is made again anyway."""
    from varireal import tables
    from varireal.schemas import EDITS

    columns = ["prompt_id", "prompt_name", "prompt_description"]
    try:
        table = tables.read_columns(path, EDITS, columns)
    except DataError:
        return []
    groups = table.group_by(columns).aggregate([([], "count_all")]).to_pylist()
    return [((row["prompt_id"], row["prompt_name"], row["prompt_description"]), row["count_all"]) for row in groups]


def _take_back_behind(stages: Mapping[str, Count], notes: list[str]) -> None:
    """What reads every edit is made again when one is."""
    if not (stages["edits"].open or stages["verdicts"].open):
        return
    again = [name for name in _BEHIND if stages[name].done]
    for name in again:
        stages[name].done = stages[name].jobs_done = 0
    if again:
        notes.append(f"{', '.join(again)}: made again with the edits that are left; {_AGAIN}")
