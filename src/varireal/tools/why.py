"""``varireal why``: what would run again, and which key, prompt or file is the reason.

Snakemake's dry run says which jobs would run; ``Explainer`` finds for each of them what changed.
"""

import json
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from varireal.config.finding import config_source
from varireal.core.files import few
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.seeds import digest
from varireal.core.stages import STAGES, slice_of
from varireal.datasets.sources import image_source
from varireal.errors import ConfigError, DataError
from varireal.running.logs import SUMMARY
from varireal.study.jobs import Job
from varireal.study.layout import Layout
from varireal.tools.why_sources import (
    DryRunJob,
    Record,
    changed_file,
    changed_keys,
    changed_photos,
    changed_texts,
    dry_run,
    read_record,
    read_slice_on_disk,
    texts_now,
    texts_then,
)

logger = logging.getLogger(__name__)

_DIGEST = re.compile(r"'([0-9a-f]{16})'")
_BEFORE_NOW = re.compile(r".*?before: (.*) now: (.*?)\s*")


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """One thing that changed.

    Attributes:
        kind: key, prompt, photo, version, file, gone, new, cut, newer, inputs, command, environment or parameters.
        what: the key, prompt, file or thing.
        then: its old value; empty when there was none, or it says nothing.
        now: its new value.
    """

    kind: str
    what: str
    then: str = ""
    now: str = ""

    @property
    def line(self) -> str:
        """For people."""
        if self.kind in ("key", "prompt", "version", "file", "parameters"):
            return f"{self.what}: {self.then or 'nothing'} -> {self.now or 'nothing'}"
        texts = {
            "photo": f"photo {self.what} was {self.now}",
            "gone": f"{self.what} was deleted",
            "new": "not made yet",
            "cut": f"{self.what} is incomplete: the job that wrote it was cut off",
            "newer": f"{self.what} is newer than what was made from it",
            "inputs": f"other inputs of {self.what}: gone {self.then or 'none'}; come {self.now or 'none'}",
            "command": f"the command of the rule {self.what} changed, as with another version of this package",
            "environment": f"the conda environment of the rule {self.what} changed",
        }
        return texts.get(self.kind, self.what)


NEW = Cause("new", "results that are not made yet")
# Said only where nothing better is known.
WEAK = frozenset({"newer", "inputs", "parameters"})


class Explainer:
    """Explains the jobs of one study."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._keys: dict[tuple[str, str], list[Cause]] = {}
        self._prompts: dict[tuple[str, str, str], list[Cause]] = {}
        self._digests: dict[tuple[str, str], str] = {}

    def causes(self, job: DryRunJob) -> list[Cause]:
        """What the job has of its own: nothing when it only runs because of a job before it."""
        record = next(filter(None, map(read_record, job.outputs)), None)
        causes = [*self._missing(job), *self._plain(job)]
        if job.stage == "config":
            causes += self._config(job)
        elif record is not None:
            causes += self._key(job.stage, record)
            causes += self._inputs_of_stage(job, record)
        if record is not None and "inputs" in job.reasons:
            gone, came = sorted({*record.inputs} - {*job.inputs}), sorted({*job.inputs} - {*record.inputs})
            causes.append(Cause("inputs", job.rule, few(gone, 3), few(came, 3)))
        strong = [cause for cause in causes if cause.kind not in WEAK]
        if not strong and "params" in job.reasons:
            match = _BEFORE_NOW.fullmatch(job.params)
            then, now = match.groups() if match else ("", job.params)
            causes.append(Cause("parameters", f"parameters of the rule {job.rule}", then, now))
        return list(dict.fromkeys(strong or causes))

    def _missing(self, job: DryRunJob) -> Iterator[Cause]:
        for path in job.reasons.get("missing", ()):
            if read_record(path) is not None:
                yield Cause("gone", path)
            else:
                yield from self._unmade(path)

    def _unmade(self, path: str) -> list[Cause]:
        """Why there is a result that was never made: a key that asks for more of them, or a first run."""
        if not self._counts_changed:
            return [NEW]
        job, counts = self._jobs.get(path), self._counts
        data = path.startswith(f"{self._layout.paths.dataset}/data/")  # there is one for each setting and shard
        asks = {"edits.attributes": data, "study.shards": data}
        if job is not None and job.attribute:
            asks["edits.attributes"] = f'"{job.attribute}"' not in counts["attributes"]
        if job is not None and job.shard and not job.runs:
            asks["study.shards"] = str(self._layout.config.study.shards) != counts["shards"]
        if job is not None and STAGES[job.stage].per == "round":
            asks["edits.rounds"] = str(job.round) >= counts["rounds"]
        return [cause for cause in self._counts_changed if asks.get(cause.what)] or [NEW]

    @cached_property
    def _jobs(self) -> dict[str, Job]:
        """The study's jobs by what they write."""
        root = self._layout.paths.root
        every = (job for stage in STAGES for job in self._layout.jobs(stage))
        return {f"{root}/{path}": job for job in every for path in job.outputs}

    @cached_property
    def _counts(self) -> dict[str, str]:
        """Attributes, rounds and shards that the results were made with, as JSON."""
        old = read_slice_on_disk(self._layout, "dataset") or {}
        names = {"attributes": "edits.attributes", "rounds": "edits.rounds", "shards": "study.shards"}
        known = {name: then for name, then, _ in changed_keys("dataset", old, {})} if old else {}
        return {short: known.get(name, "") for short, name in names.items()}

    @cached_property
    def _counts_changed(self) -> list[Cause]:
        wanted = ("edits.attributes", "edits.rounds", "study.shards")
        return [cause for cause in self._slice("dataset", None) if cause.what in wanted]

    def _plain(self, job: DryRunJob) -> Iterator[Cause]:
        yield from (Cause("cut", path) for path in job.reasons.get("incomplete", ()))
        yield from (Cause("newer", path) for path in job.reasons.get("newer", ()))
        if "code" in job.reasons:
            yield Cause("command", job.rule)
        if "environment" in job.reasons:
            yield Cause("environment", job.rule)
        if "forced" in job.reasons:
            yield Cause("parameters", "forced", "", "")

    def _config(self, job: DryRunJob) -> list[Cause]:
        if "missing" in job.reasons:
            return []
        return self._slice(Path(job.outputs[0]).stem, None)

    def _slice(self, stage: str, wanted: str | None) -> list[Cause]:
        """Keys that differ between an older slice and that of the config."""
        place = (stage, wanted or "")
        if place not in self._keys:
            self._keys[place] = self._compared(stage, wanted)
        return self._keys[place]

    def _compared(self, stage: str, wanted: str | None) -> list[Cause]:
        old, text = read_slice_on_disk(self._layout, stage, wanted), self._layout.slice(stage)
        if old is None:
            lost = f"config of {stage} (its old values are not kept)"
            return [Cause("key", lost, wanted, digest("slice", text, size=8))] if wanted else []
        new = json.loads(text)
        return [Cause("key", key, then, now) for key, then, now in changed_keys(stage, old, new, self._layout.config)]

    def _key(self, stage: str, record: Record) -> Iterator[Cause]:
        old, new = record.starting(f"{stage} v"), self._layout.key(stage)
        if old is None or old == new:
            return
        then, now = _parts(old), _parts(new)
        for name in now.keys() & then.keys() - {""}:
            if then[name] != now[name]:
                yield self._version(stage, name, then[name], now[name])
        if then[""] != now[""]:
            yield from self._slice(slice_of(stage), then[""])

    def _version(self, stage: str, name: str, then: str, now: str) -> Cause:
        config = self._layout.config
        files = {
            "templates": f"instructions {config.prompts.openai.templates or 'of the package'}",
            "questions": f"questions {config.verdicts.questions.file or config.verdicts.questions.preset}",
            "reviewed": f"review {config.verdicts.reviewed.path}",
        }
        if name in files:
            return Cause("file", files[name], then, now)
        return Cause("version", f"version of the {'stage' if name == stage else 'backend'} {name}", then, now)

    def _inputs_of_stage(self, job: DryRunJob, record: Record) -> Iterator[Cause]:
        """What a stage reads that is no file of Snakemake's: photos, the bank, the texts of prompts."""
        if job.stage == "images" and not record.has(self._layout.listing_digest):
            yield from self._photos
        elif job.rule == "prompts" and not self._layout.asks:
            class_id = Path(job.log).stem
            if not record.has(self._layout.bank_digest(class_id)):
                yield from (Cause("prompt", *change) for change in changed_file(self._layout, class_id))
        elif job.stage in STAGES and slice_of(job.stage) == "edits":
            made = self._jobs[job.outputs[0]]
            yield from self._changed_texts(made.attribute, made.feasibility, record)

    @cached_property
    def _photos(self) -> list[Cause]:
        if image_source(self._layout.config.images).rendered:
            return [Cause("version", "version of the rendered photos", "", self._layout.listing_digest)]
        try:
            photos = changed_photos(self._layout)
        except DataError:
            return [Cause("newer", "the list of photos")]
        return [Cause("photo", path, "", how) for path, how in photos] or [Cause("newer", "the date of a photo")]

    def _changed_texts(self, attribute: str, feasibility: str, record: Record) -> list[Cause]:
        """Prompts of a setting that changed; the files are read once for all its jobs."""
        arm = (attribute, feasibility)
        if arm not in self._digests:
            self._digests[arm] = self._layout.prompts_digest(*arm)
        if record.has(self._digests[arm]):
            return []
        seen = next((match[1] for text in record.params if (match := _DIGEST.fullmatch(text))), "")
        if (*arm, seen) not in self._prompts:
            self._prompts[*arm, seen] = list(self._texts(*arm, seen))
        return self._prompts[*arm, seen]

    def _texts(self, attribute: str, feasibility: str, seen: str) -> Iterator[Cause]:
        then, now = texts_then(self._layout, seen), texts_now(self._layout, attribute, feasibility)
        if then is None:
            lost = f"prompts of {attribute}/{feasibility} (their old texts are not kept)"
            yield Cause("prompt", lost, seen, self._digests[attribute, feasibility])
            return
        yield from (Cause("prompt", *change) for change in changed_texts(then, now))


def _parts(key: str) -> dict[str, str]:
    """Names and versions in a stage's key; the digest of its slice under the empty name."""
    *pairs, last = key.split(" ")
    return {**dict(zip(pairs[::2], pairs[1::2], strict=False)), "": last}


_IN_ORDER = tuple(STAGE_VERSIONS)

_MOST_CAUSES = 20
_LONGEST_VALUE = 160


@dataclass(frozen=True, slots=True)
class Explained:
    """A job that would run, and why.

    Attributes:
        job: the job.
        causes: what made it run, directly or through the jobs before it.
    """

    job: DryRunJob
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


def explain(layout: Layout, jobs: Sequence[DryRunJob]) -> list[Explained]:
    """Each job with its causes: its own, and those of the jobs that write its inputs in the same run."""
    explainer = Explainer(layout)
    makers = {path: job for job in jobs for path in job.outputs}
    explained: dict[str, tuple[Cause, ...]] = {}

    def causes(job: DryRunJob) -> tuple[Cause, ...]:
        if job.log not in explained:
            before = {makers[path].log: makers[path] for path in job.reasons.get("behind", ()) if path in makers}
            every = [*explainer.causes(job), *(cause for maker in before.values() for cause in causes(maker))]
            strong = [cause for cause in every if cause.kind not in WEAK]
            explained[job.log] = tuple(dict.fromkeys(strong or every))
        return explained[job.log]

    return [Explained(job, causes(job)) for job in jobs]


def lines(what: str, planned: Sequence[Explained], *, whole: bool) -> list[str]:
    """The answer for people."""
    if not planned:
        return [f"{what}: nothing to do, all results are up to date" if whole else f"{what}: up to date"]
    every = list(dict.fromkeys(cause for entry in planned for cause in entry.causes))
    jobs = "1 job" if len(planned) == 1 else f"{len(planned)} jobs"
    text = [f"{what}: {jobs} would run ({_by_stage(planned)}), because of"]
    for cause in every[:_MOST_CAUSES]:
        reached = [entry for entry in planned if cause in entry.causes]
        reach = f"  ({_by_stage(reached)})" if len(planned) > 1 else ""
        text.append(f"  {_shortened(cause)}{reach}")
    if len(every) > _MOST_CAUSES:
        text.append(f"  and {len(every) - _MOST_CAUSES} more; --json lists them all")
    return text


def as_json(root: str, planned: Sequence[Explained]) -> dict[str, Any]:
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
    paths = (Path(text) for text in path if text not in _IN_ORDER and (os.sep in text or Path(text).exists()))
    return next(paths, None)


def _target(text: str, layout: Layout) -> str:
    """The name of a stage, or a path as Snakemake has it.

    Raises:
        ConfigError: it lies in no place of this study.
    """
    if text in _IN_ORDER:
        return text
    path = os.path.normpath(text)
    if Path(path).is_absolute() and not Path(layout.paths.root).is_absolute():
        path = os.path.relpath(path)
    if path != layout.paths.root and not path.startswith(layout.paths.root + "/"):
        raise ConfigError(
            f"{text} is neither in {layout.paths.root}, the study of this config (--configfile), nor a stage: "
            + ", ".join(_IN_ORDER)
        )
    return path


def _makes(job: DryRunJob, target: str) -> bool:
    """Whether the job is of the stage, or writes the path, something in it, or a folder that it is in."""
    if target in _IN_ORDER:
        return job.stage == target
    return any(out == target or out.startswith(target + "/") or target.startswith(out + "/") for out in job.outputs)


def _check_known(target: str, chosen: Sequence[Explained], layout: Layout) -> None:
    """Refuse a path that no job writes: "up to date" would be a wrong answer."""
    if target in _IN_ORDER or Path(target).is_dir() or any(_makes(entry.job, target) for entry in chosen):
        return
    inside_report = target.startswith(layout.paths.report + "/") and Path(target).exists()
    if not inside_report and read_record(target) is None:
        raise ConfigError(f"{target} is no result: no job of this study writes it")


def _by_stage(planned: Sequence[Explained]) -> str:
    counts = Counter(entry.job.stage for entry in planned)
    return ", ".join(f"{stage} {counts[stage]}" for stage in _IN_ORDER if counts[stage])


def _shortened(cause: Cause) -> str:
    """A line of a cause; long values of a config (a list of classes) are cut in the middle."""
    return Cause(cause.kind, cause.what, _cut(cause.then), _cut(cause.now)).line


def _cut(text: str) -> str:
    text = " ".join(text.split())
    half = _LONGEST_VALUE // 2
    return text if len(text) <= _LONGEST_VALUE else f"{text[:half]} ... {text[-half:]}"
