"""Commands for people about models: ``varireal doctor`` and ``varireal fetch``."""

import importlib.util
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from varireal.config.model import Config
from varireal.errors import BackendError
from varireal.models.catalog import ModelNeed, needed_models
from varireal.models.lock import Lock, read_lock, write_lock
from varireal.running.logs import SUMMARY
from varireal.running.room import free_bytes
from varireal.tools.check import load_study_config
from varireal.tools.doctor import (
    PRESENT,
    DeviceState,
    ExtraState,
    ModelState,
    ServerState,
    device_state,
    extra_states,
    model_states,
    needs_torch,
    server_states,
    to_fetch_gb,
    too_big,
    too_slow,
)

logger = logging.getLogger(__name__)

_TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name
_GB = 1e9
_NO_MODELS = "the study needs no model with weights of its own: all its backends are embedded"


@dataclass(frozen=True, slots=True)
class Report:
    """What ``doctor`` found.

    Attributes:
        models: one entry per model of the config.
        device: what they run on; None when nothing needs torch.
        extras: what the config needs of this package's extras.
        servers: hosted models.
        cache: folder of the hub's cache; None when no hub model is needed.
        free_gb: GB that are free there.
        token_set: whether the hub's token is in the environment.
        lock: path of the lock.
        problems: what keeps a run from starting.
        notes: what is good to know.
    """

    models: list[ModelState]
    device: DeviceState | None
    extras: list[ExtraState]
    servers: list[ServerState]
    cache: str | None
    free_gb: float | None
    token_set: bool
    lock: str
    problems: list[str]
    notes: list[str]


def doctor(*, configfile: Sequence[Path], verify: bool, json_: bool, study: Path | None = None) -> int:
    """Say whether a study can run on this machine; nothing is fetched, and no model loaded.

    Raises:
        ConfigError: the config or the lock is not valid.
        BackendError: a run cannot start; one line, after the whole report.
    """
    report = examine(load_study_config(configfile, study), verify=verify)
    if json_:
        sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")
    else:
        for line in report_lines(report):
            logger.log(SUMMARY, "%s", line)
    if report.problems:
        more = f" (and {len(report.problems) - 1} more)" if len(report.problems) > 1 else ""
        raise BackendError(f"a run cannot start: {report.problems[0]}{more}")
    return 0


def fetch(*, configfile: Sequence[Path], update: bool, study: Path | None = None) -> int:
    """Bring the study's models into the hub's cache, and write the lock.

    Raises:
        ConfigError: the config or the lock is not valid, or they ask for different revisions.
        BackendError: a model cannot be had; the others are fetched all the same.
    """
    config = load_study_config(configfile, study)
    needs = needed_models(config)
    hub_needs = [need for need in needs if not need.local]
    for need in needs:
        if need.local:
            logger.log(SUMMARY, "%s: %s is a local path; nothing to fetch", need.key, need.ref.id)
    if not hub_needs:
        logger.log(SUMMARY, "%s", "nothing to fetch" if needs else f"nothing to fetch: {_NO_MODELS}")
        return 0
    path = Path(config.machine.lock)
    try:
        from varireal.models.fetching import fetch_models
    except ImportError as error:
        raise BackendError("fetching needs the hub's library; run: pip install 'varireal[diffusion]'") from error

    fetched = fetch_models(hub_needs, read_lock(path), update=update, save=lambda lock: write_lock(path, lock))
    rows = [
        (
            one.id,
            one.entry.revision[:12] if one.entry else "-",
            _gb(one.entry.size / _GB) if one.entry else "-",
            one.entry.licence if one.entry else "-",
            "not fetched" if one.problem else f"{_gb(one.new_bytes / _GB)} fetched" if one.new_bytes else "was there",
        )
        for one in fetched
    ]
    for line in table(("model", "revision", "size", "licence", "state"), rows):
        logger.log(SUMMARY, "%s", line)
    failed = [one for one in fetched if one.problem]
    for one in failed:
        logger.log(SUMMARY, "%s", one.problem)
    if failed:
        raise BackendError(f"{len(failed)} of {len(fetched)} models were not fetched; the first: {failed[0].problem}")
    logger.log(SUMMARY, "%s has %d models; runs work with HF_HUB_OFFLINE=1 from now on", path, len(fetched))
    return 0


def examine(config: Config, *, verify: bool) -> Report:
    """Everything that ``doctor`` says.

    Raises:
        ConfigError: the lock is damaged.
    """
    needs = needed_models(config)
    hub_needed = any(not need.local for need in needs)
    path = Path(config.machine.lock)
    lock = read_lock(path) if hub_needed else Lock()
    extras, servers = extra_states(config), server_states(config)
    models = _models(needs, lock, verify=verify)
    device = device_state(config.machine) if needs_torch(config) else None
    cache, free = _disk() if hub_needed else (None, None)
    problems = [
        f"{extra.name}: not installed: {', '.join(extra.missing)}; run: pip install 'varireal[{extra.name}]'"
        for extra in extras
        if extra.missing
    ]
    problems += [model.problem for model in models if model.problem]
    problems += [server.problem for server in servers if server.problem]
    notes = [
        f"{model.key}: {model.id} is not in {path}; 'varireal fetch' pins its revision" for model in _loose(models)
    ]
    notes += [server.note for server in servers if server.note]
    if device is not None:
        problems += [device.problem] if device.problem else []
        problems += too_big(config, models, device)
        notes += [slow] if (slow := too_slow(models, device)) else []
    wanted = to_fetch_gb(models)
    notes += [f"about {wanted:.1f} GB are still to be fetched"] if wanted else []
    if free is not None and wanted > free:
        problems.append(
            f"about {wanted:.0f} GB are to be fetched, {cache} has {free:.0f} GB left; set HF_HOME elsewhere"
        )
    token_set = bool(os.environ.get(_TOKEN))
    if not token_set and any(model.gated and model.state != PRESENT for model in models):
        problems.append(
            f"a gated model is missing and {_TOKEN} is not set; accept the terms on its page, make a token"
        )
    return Report(models, device, extras, servers, cache, free, token_set, str(path), problems, notes)


def report_lines(report: Report) -> Iterator[str]:
    """The report for a terminal."""
    rows = [
        (
            model.key,
            model.id,
            (model.revision or "-")[:14],
            _gb(model.size_gb),
            model.licence + (", gated" if model.gated else ""),
            model.state + (", hashes compared" if model.verified else ""),
        )
        for model in report.models
    ]
    yield from table(("key", "model", "revision", "size", "licence", "state"), rows) if rows else [_NO_MODELS]
    yield ""
    if report.device is not None:
        memory = "" if report.device.memory_gb is None else f", {report.device.memory_gb:.0f} GiB"
        yield f"device    {report.device.name}{memory}, {report.device.dtype}"
    if report.cache is not None:
        yield f"cache     {report.cache}, {report.free_gb:.0f} GB free"
        yield f"token     {_TOKEN} is {'set' if report.token_set else 'not set; only gated models need it'}"
    for extra in report.extras:
        state = "installed" if not extra.missing else f"missing: {', '.join(extra.missing)}"
        yield f"extra     {extra.name} ({', '.join(extra.needed_by)}): {state}"
    for server in report.servers:
        keys = f"not set: {', '.join(server.unset)}" if server.unset else "keys are set"
        yield f"server    {server.key}: {server.model} at {server.base_url}; {keys}"
    yield from (f"note      {note}" for note in report.notes)
    yield from (f"problem   {problem}" for problem in report.problems)
    if not report.problems:
        yield "ok: a run can start"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows under a head, in columns."""
    every = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    for row in every:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _models(needs: Sequence[ModelNeed], lock: Lock, *, verify: bool) -> list[ModelState]:
    """States of the models; without the hub's library, which the extras tell, of the local ones."""
    here = importlib.util.find_spec("huggingface_hub") is not None
    return model_states([need for need in needs if here or need.local], lock, verify=verify)


def _loose(models: Iterable[ModelState]) -> list[ModelState]:
    """Hub models that are there and not in the lock."""
    return [model for model in models if model.state == PRESENT and not model.locked and not model.local]


def _disk() -> tuple[str | None, float | None]:
    if importlib.util.find_spec("huggingface_hub") is None:
        return None, None
    from varireal.models.cache import cache_folder

    return str(cache_folder()), free_bytes(cache_folder().expanduser()) / _GB


def _gb(size: float | None) -> str:
    if size is None:
        return "?"
    return f"{size:.1f} GB" if size >= 0.1 else f"{size * 1000:.1f} MB"
