"""What would run again and what changed since: Snakemake's word, and slices, photos and prompts then and now.

Snakemake's own dry run decides which jobs run; nothing here decides it a second time. Its text is the only form in
which Snakemake 9 gives reasons, and every rule of this workflow has one log, whose path names the job.

What an output was last made with is in Snakemake's records: one JSON file per output in ``.snakemake/metadata``,
called by the output's path in base64. Snakemake 9 has no command that prints them. Where one cannot be read, reasons
are told with less detail, never wrongly.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import varireal
from varireal.config import slices
from varireal.config.base import StrictModel, completed
from varireal.config.model import Config
from varireal.config.slices import server_places
from varireal.core.seeds import digest
from varireal.core.stages import STAGES, slice_of
from varireal.datasets.decoding import file_sha256
from varireal.datasets.sources import image_source
from varireal.errors import BackendError, ConfigError
from varireal.prompts.bank import find_bank, prompts_origin
from varireal.prompts.class_file import merge, parse, read_class_file
from varireal.prompts.gathering import Texts, texts_of
from varireal.records import ClassInfo, Prompt
from varireal.store import tables
from varireal.store.schemas import IMAGES, REJECTS
from varireal.study.layout import Layout

# Where a slice's top level comes from; what is not named here is called in the config as in the slice.
_PLACES = {
    "seed": "study.seed",
    "max_failed_fraction": "study.max_failed_fraction",
    "study": "study.name",
    "shards": "study.shards",
    "noun": "images.noun",
    "measures": "what attributes and gates measure",
    "reading": "images.reading",
    "classes": "classes of the photos",
    "attributes": "edits.attributes",
    "rounds": "edits.rounds",
    "per_image": "edits.per_image",
    "all_of": "adapters.all_of",
    "model": "adapters",
    "segmenting": "masks",
    "asked": "a model judges",
    "reviewed": "verdicts.reviewed",
    "licences": "licence of a model",
    "server": "prompts.openai.server",
    "grace_seconds": "machine.grace_seconds",
}
_OTHERWISE = {"report": {"asked": "a language model writes the prompts"}}


def read_slice_on_disk(layout: Layout, stage: str, wanted: str | None = None) -> dict[str, Any] | None:
    """A slice as an earlier run wrote it: that of a digest, or the one that is there; None when it is not kept."""
    places = [layout.paths.config(stage)]
    if wanted is not None:
        places.append(layout.paths.earlier_slice(wanted))
    for place in places:
        try:
            text = Path(place).read_text(encoding="utf-8").rstrip("\n")
            part = json.loads(text)
        except (OSError, ValueError):
            continue
        if isinstance(part, dict) and wanted in (None, digest("slice", text, size=8)):
            return part
    return None


def changed_keys(
    stage: str, old: dict[str, Any], new: dict[str, Any], config: Config | None = None
) -> list[tuple[str, str, str]]:
    """Key, old and new value of everything that differs, values as JSON; a missing key is an empty text.

    A key that was added later has the value that means what the code did before, so that a reader sees what changes.

    Args:
        stage: whose slices they are.
        old: the slice then.
        new: the slice now.
        config: the study's, which says where a server stands.
    """
    if stage in STAGES:
        model: type[StrictModel] = getattr(slices, STAGES[slice_of(stage)].slice_model)
        old, new = completed(model, old), completed(model, new)
    servers = {} if config is None else server_places(config)
    names = _PLACES | servers | _OTHERWISE.get(stage, {})
    return [
        (".".join((names.get(path[0], path[0]), *path[1:])), then, now)
        for path, then, now in _differences((), old, new)
    ]


def _differences(path: tuple[str, ...], old: Any, new: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key not in old:
                yield (*path, key), "", _text(new[key])
            elif key not in new:
                yield (*path, key), _text(old[key]), ""
            else:
                yield from _differences((*path, key), old[key], new[key])
    elif old != new:
        yield path, _text(old), _text(new)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


FOLDER = Path(".snakemake/metadata")
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Record:
    """How an output was last made.

    Attributes:
        params: values of the rule's parameters as Python writes them, without their names.
        inputs: paths.
    """

    params: tuple[str, ...]
    inputs: tuple[str, ...]

    def has(self, value: object) -> bool:
        """Whether one of the parameters had this value."""
        return repr(value) in self.params

    def starting(self, start: str) -> str | None:
        """The parameter that starts like this."""
        return next((text.strip("'") for text in self.params if text.strip("'").startswith(start)), None)


def record_place(output: str, folder: Path = FOLDER) -> Path:
    """Where Snakemake keeps the record of an output; a long name is cut into folders."""
    name = urlsafe_b64encode(output.encode()).decode()
    longest = _longest_name(folder)
    pieces = [name[start : start + longest - 1] for start in range(0, len(name), longest - 1)]
    return folder.joinpath(*(f"@{piece}" for piece in pieces[:-1]), pieces[-1])


def read_record(output: str, folder: Path = FOLDER) -> Record | None:
    """The record of an output; None when it was never made, or the record cannot be read."""
    try:
        facts = json.loads(record_place(output, folder).read_text(encoding="utf-8"))
        return Record(tuple(map(str, facts["params"])), tuple(map(str, facts["input"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _longest_name(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX") or _LONGEST_NAME
    except (OSError, ValueError, AttributeError):
        return _LONGEST_NAME


ADDED, REMOVED, EDITED = "added", "removed", "edited"


def changed_photos(layout: Layout) -> list[tuple[str, str]]:
    """(path, ``added``, ``removed`` or ``edited``) of every photo that differs; empty when only dates differ.

    Files that are younger than the table of images are read first, and the others only when none of these differs.
    """
    images, rejects = Path(layout.paths.images), Path(layout.paths.rejects)
    columns = ["path", "sha256"]
    then = {row["path"]: row["sha256"] for row in tables.read(images, IMAGES, columns)}
    then |= {row["path"]: row["sha256"] for row in tables.read(rejects, REJECTS, columns)}
    now = {str(item.path) for item in image_source(layout.config.images).items()}
    moved = [(path, ADDED) for path in now - then.keys()] + [(path, REMOVED) for path in then.keys() - now]
    both = sorted(now & then.keys())
    read_at = images.stat().st_mtime
    young = [path for path in both if Path(path).stat().st_mtime > read_at]
    edited = list(_edited(young, then))
    if not edited and not moved:
        edited = list(_edited(both, then))
    return sorted(moved + [(path, EDITED) for path in edited])


def _edited(paths: list[str], then: dict[str, str | None]) -> Iterator[str]:
    for path in paths:
        try:
            if file_sha256(Path(path)) != then[path]:
                yield path
        except OSError:
            yield path


def prompts_now(layout: Layout, class_id: str) -> list[Prompt]:
    """What a class's file says once the stage prompts has run; what a language model will write is not known."""
    path = Path(layout.paths.prompts(class_id))
    if layout.asks:
        return read_class_file(path) if path.exists() else []
    bank = layout.bank_prompts[class_id]
    old = parse(path)[0] if path.exists() else None
    origin = prompts_origin(find_bank(layout.config.prompts.bank.path))
    return list(merge(old, ClassInfo(class_id, layout.classes[class_id]), bank, origin)[0].prompts)


def texts_now(layout: Layout, attribute: str, feasibility: str) -> Texts:
    """The texts that a setting's edits would be made with."""
    prompts = [prompt for class_id in layout.classes for prompt in prompts_now(layout, class_id)]
    return texts_of(prompts, attribute, feasibility)


def texts_then(layout: Layout, seen: str) -> Texts | None:
    """The texts that the last edits of a setting were made with, by their digest; None when they are not kept."""
    try:
        texts = json.loads(Path(layout.paths.seen_prompts(seen)).read_text(encoding="utf-8"))
        return {str(key): (str(name), str(description), str(rgb)) for key, (name, description, rgb) in texts.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return None


def changed_texts(then: Texts, now: Texts) -> list[tuple[str, str, str]]:
    """Prompt id, old text and new text of each prompt that differs; empty where there was or will be none."""
    return [
        (f"prompt {prompt_id}", _shown(then.get(prompt_id)), _shown(now.get(prompt_id)))
        for prompt_id in sorted({*then, *now})
        if then.get(prompt_id) != now.get(prompt_id)
    ]


def changed_file(layout: Layout, class_id: str) -> list[tuple[str, str, str]]:
    """As ``changed_texts``: what the stage prompts would change in the file of a class."""
    path = Path(layout.paths.prompts(class_id))
    then = _every_text(read_class_file(path)) if path.exists() else {}
    return changed_texts(then, _every_text(prompts_now(layout, class_id)))


def _every_text(prompts: list[Prompt]) -> Texts:
    return {prompt.prompt_id: (prompt.name, prompt.description, prompt.rgb) for prompt in prompts}


def _shown(text: tuple[str, str, str] | None) -> str:
    return "" if text is None else " | ".join(part for part in text if part)


_JOB = re.compile(r"(?:local)?rule (.+):")
_FIELD = re.compile(r"    (\w+): (.*)")
_PARAMS = "Params have changed since last execution:"
_KINDS = {
    "Missing output files": "missing",
    "Incomplete output files": "incomplete",
    "Updated input files": "newer",
    "Input files updated by another job": "behind",
    "Set of input files has changed since last execution": "inputs",
    "Code has changed since last execution": "code",
    "Params have changed since last execution": "params",
    "Software environment definition has changed since last execution": "environment",
    "Forced execution": "forced",
}


@dataclass(frozen=True, slots=True)
class DryRunJob:
    """One job that would run.

    Attributes:
        rule: its rule.
        log: path of its log, which no other job has.
        inputs: paths, in order.
        outputs: paths, in order.
        reasons: kind of reason to the files that Snakemake names for it: ``missing``, ``incomplete``, ``newer``,
            ``behind`` (an earlier job writes the input), ``inputs``, ``code``, ``params``, ``environment``.
        params: what Snakemake says of changed parameters, as it says it.
    """

    rule: str
    log: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)
    params: str = ""

    @property
    def stage(self) -> str:
        """The stage that it is of; classifiers have a rule per job."""
        return "config" if self.rule == "stage_config" else self.rule.partition("_")[0]


_MODULE = re.compile(r"^module\b", re.M)


def dry_run(options: Sequence[str], root: str) -> list[DryRunJob]:
    """The jobs that ``snakemake`` would run now, in this folder.

    Args:
        options: of Snakemake, which give it the study's config.
        root: folder of the study, which all its files start with.

    Raises:
        ConfigError: the workflow's config is not valid.
        BackendError: Snakemake is not installed or cannot run.
    """
    here = [path for name in ("Snakefile", "workflow/Snakefile") if (path := Path(name)).is_file()]
    if not here or _MODULE.search(here[0].read_text(encoding="utf-8", errors="replace")):
        options = ["--snakefile", str(varireal.snakefile()), *options]  # 'varireal run', or a module of what is here
    beside = shutil.which("snakemake", path=str(Path(sys.executable).parent))
    snakemake = [beside] if beside else [sys.executable, "-m", "snakemake"]
    command = [*snakemake, "--dry-run", "--nocolor", "--quiet", "host", "--nolock", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our own words
    if done.returncode:
        raise _failure(done.stderr + done.stdout)
    return list(read_jobs(done.stdout, root))


def _failure(text: str) -> ConfigError | BackendError:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if ours := next((line for line in lines if line.startswith("error: ")), None):
        return ConfigError(ours.removeprefix("error: "))
    last = lines[-1] if lines else "no message"
    if "No module named snakemake" in last:
        return BackendError("snakemake is not installed; install it beside varireal")
    return BackendError(f"'snakemake --dry-run' failed: {last}")


def read_jobs(text: str, root: str) -> Iterator[DryRunJob]:
    """Jobs out of the text of a dry run; the rule ``all``, which does nothing, is left out."""
    rule, fields = "", dict[str, str]()
    for line in (*text.splitlines(), "rule end:"):
        start = _JOB.fullmatch(line)
        if start is not None:
            if "log" in fields:
                yield _job(rule, fields, root)
            rule, fields = start[1], {}
        elif (field_ := _FIELD.fullmatch(line)) is not None:
            fields.setdefault(field_[1], field_[2])


def _job(rule: str, fields: dict[str, str], root: str) -> DryRunJob:
    return DryRunJob(
        rule,
        fields["log"],
        _paths(fields.get("input", ""), root),
        _paths(fields.get("output", ""), root),
        _reasons(fields.get("reason", ""), root),
        fields.get("reason", "").partition(_PARAMS)[2],
    )


def _paths(text: str, root: str) -> tuple[str, ...]:
    """Paths of a list; all start with the root, so a comma in it does no harm. Snakemake adds flags in brackets."""
    paths = re.split(rf", (?={re.escape(root)}/)", text) if text else []
    return tuple(path.removesuffix(" (update)") for path in paths)


def _reasons(text: str, root: str) -> dict[str, tuple[str, ...]]:
    plain, params, change = text.partition(_PARAMS)
    if params and change.endswith("Software environment definition has changed since last execution"):
        plain += "; Software environment definition has changed since last execution"
    reasons: dict[str, tuple[str, ...]] = {"params": ()} if params else {}
    starts = "|".join(map(re.escape, _KINDS))
    for match in re.finditer(rf"(?:^|; )({starts})(?:: (.*?))?(?=; (?:{starts})|; $|$)", plain):
        reasons[_KINDS[match[1]]] = _paths(match[2] or "", root)
    return reasons
