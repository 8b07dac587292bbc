"""What makes one job run again, told with the config key, the prompt or the file that changed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from varireal.errors import DataError
from varireal.layout import Layout
from varireal.observing.why_dry_run import Job
from varireal.observing.why_keys import changed_keys, read_slice_on_disk
from varireal.observing.why_photos import changed_photos
from varireal.observing.why_prompts import changed_file, changed_texts, texts_now, texts_then
from varireal.observing.why_records import Record, read_record
from varireal.plaintext import few
from varireal.seeds import digest

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
        told = {
            "photo": f"photo {self.what} was {self.now}",
            "gone": f"{self.what} was deleted",
            "new": "not made yet",
            "cut": f"{self.what} is incomplete: the job that wrote it was cut off",
            "newer": f"{self.what} is newer than what was made from it",
            "inputs": f"other inputs of {self.what}: gone {self.then or 'none'}; come {self.now or 'none'}",
            "command": f"the command of the rule {self.what} changed, as with another version of this package",
            "environment": f"the conda environment of the rule {self.what} changed",
        }
        return told.get(self.kind, self.what)


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

    def causes(self, job: Job) -> list[Cause]:
        """What the job has of its own: nothing when it only runs because of a job before it."""
        record = next(filter(None, map(read_record, job.outputs)), None)
        found = [*self._missing(job), *self._plain(job)]
        if job.stage == "config":
            found += self._config(job)
        elif record is not None:
            found += self._key(job.stage, record)
            found += self._inputs_of_stage(job, record)
        if record is not None and "inputs" in job.reasons:
            gone, came = sorted({*record.inputs} - {*job.inputs}), sorted({*job.inputs} - {*record.inputs})
            found.append(Cause("inputs", job.rule, few(gone, 3), few(came, 3)))
        strong = [cause for cause in found if cause.kind not in WEAK]
        if not strong and "params" in job.reasons:
            match = _BEFORE_NOW.fullmatch(job.params)
            then, now = match.groups() if match else ("", job.params)
            found.append(Cause("parameters", f"parameters of the rule {job.rule}", then, now))
        return list(dict.fromkeys(strong or found))

    def _missing(self, job: Job) -> Iterator[Cause]:
        for path in job.reasons.get("missing", ()):
            if read_record(path) is not None:
                yield Cause("gone", path)
            else:
                yield from self._unmade(path)

    def _unmade(self, path: str) -> list[Cause]:
        """Why there is a result that was never made: a key that asks for more of them, or a first run."""
        match = re.search(r"/(?:edits|verdicts)/(\w+)/\w+/round(\d+)/|/priors/(\w+)/", path)
        shard = re.search(r"-of-(\d{5})\.parquet$", path)
        data = path.startswith(f"{self._layout.paths.dataset}/data/")  # there is one for each setting and shard
        asks = {
            "edits.attributes": data
            or (match is not None and f'"{match[1] or match[3]}"' not in self._counts["attributes"]),
            "edits.rounds": match is not None and match[2] is not None and match[2] >= self._counts["rounds"],
            "study.shards": data or (shard is not None and str(int(shard[1])) != self._counts["shards"]),
        }
        if not self._counts_changed:
            return [NEW]
        return [cause for cause in self._counts_changed if asks.get(cause.what)] or [NEW]

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

    def _plain(self, job: Job) -> Iterator[Cause]:
        yield from (Cause("cut", path) for path in job.reasons.get("incomplete", ()))
        yield from (Cause("newer", path) for path in job.reasons.get("newer", ()))
        if "code" in job.reasons:
            yield Cause("command", job.rule)
        if "environment" in job.reasons:
            yield Cause("environment", job.rule)
        if "forced" in job.reasons:
            yield Cause("parameters", "forced", "", "")

    def _config(self, job: Job) -> list[Cause]:
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
        return [Cause("key", key, then, now) for key, then, now in changed_keys(stage, old, new)]

    def _key(self, stage: str, record: Record) -> Iterator[Cause]:
        old, new = record.starting(f"{stage} v"), self._layout.key(stage)
        if old is None or old == new:
            return
        then, now = _parts(old), _parts(new)
        for name in now.keys() & then.keys() - {""}:
            if then[name] != now[name]:
                yield self._version(stage, name, then[name], now[name])
        if then[""] != now[""]:
            yield from self._slice("edits" if stage == "priors" else stage, then[""])

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

    def _inputs_of_stage(self, job: Job, record: Record) -> Iterator[Cause]:
        """What a stage reads that is no file of Snakemake's: photos, the bank, the texts of prompts."""
        parts = job.log.removeprefix(f"{self._layout.paths.root}/logs/").removesuffix(".log").split("/")
        if job.stage == "images" and not record.has(self._layout.listing_digest):
            yield from self._photos
        elif job.rule == "prompts" and not self._layout.asks:
            if not record.has(self._layout.bank_digest(parts[1])):
                yield from (Cause("prompt", *change) for change in changed_file(self._layout, parts[1]))
        elif job.stage in ("edits", "priors"):
            yield from self._changed_texts(parts[1], parts[2], record)

    @cached_property
    def _photos(self) -> list[Cause]:
        if self._layout.config.images.source == "demo":
            return [Cause("version", "version of the rendered photos", "", self._layout.listing_digest)]
        try:
            found = changed_photos(self._layout)
        except DataError:
            return [Cause("newer", "the list of photos")]
        return [Cause("photo", path, "", how) for path, how in found] or [Cause("newer", "the date of a photo")]

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
