"""Whether this machine can run a study, as far as it can be told without loading a model.

First the models: whether their files are there and whole. Then the machine: packages, device, memory and the keys of
servers. That a key is set is looked at, never its value.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from varireal.config.hosted import shown_address
from varireal.config.machine import MachineConfig
from varireal.config.model import Config
from varireal.core.files import file_digest
from varireal.core.registry import backend_extra
from varireal.core.stages import STAGES
from varireal.errors import BackendError, ConfigError
from varireal.hosted.address import address_note, address_problem, unaskable
from varireal.models.cache import Cached, find_cached
from varireal.models.catalog import HostedModel, ModelNeed, chosen_backends, hosted_models, local_digest, needed_models
from varireal.models.contents import Looked, look_into
from varireal.models.lock import UNKNOWN, Lock, LockedModel, known, licence_of, locked

PRESENT, INCOMPLETE, MISSING, DAMAGED, BROKEN = "present", "incomplete", "missing", "damaged", "unusable"

_GB = 1e9
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of a study.

    Attributes:
        key: its place in the config.
        id: hub id or path.
        local: whether it is a path.
        stages: stages that load it.
        state: present, incomplete, missing, damaged or unusable.
        problem: why it is not present, and what to do; empty when it is.
        revision: what tells its weights apart.
        locked: whether the lock has it.
        kind: class of the model.
        licence: as its card says, or unknown.
        gated: whether its terms must be accepted; None when nobody knows.
        size_gb: GB of its files, as they are or will be; None when nobody knows.
        gb_16: GB of all its weights in 16 bits.
        part_16: GB of its largest part in 16 bits.
        verified: whether its hashes were compared.
    """

    key: str
    id: str
    local: bool
    stages: tuple[str, ...]
    state: str
    problem: str
    revision: str | None
    locked: bool
    kind: str
    licence: str
    gated: bool | None
    size_gb: float | None
    gb_16: float | None
    part_16: float | None
    verified: bool


def model_states(needs: Sequence[ModelNeed], lock: Lock, *, verify: bool) -> list[ModelState]:
    """The state of every model.

    Args:
        needs: what the config needs.
        lock: what was fetched.
        verify: compare the files with the lock's hashes, or with those that the cache names them by.
    """
    return [_state(need, lock, verify=verify) for need in needs]


def _state(need: ModelNeed, lock: Lock, *, verify: bool) -> ModelState:
    if need.local:
        return _local_state(need, lock)
    try:
        entry = locked(need.ref, need.key, lock)
        ref = need.ref if entry is None else need.ref.model_copy(update={"revision": entry.revision})
        cached = find_cached(ref, need.key)
    except (BackendError, ConfigError) as error:
        return _model_state(need, lock, None, BROKEN, str(error))
    if cached is None:
        gated = known(need.ref.id).gated if entry is None else entry.gated
        hint = ", after its terms were accepted" if gated else ""
        at = f" at {ref.revision}" if ref.revision else ""
        problem = f"{need.key}: {need.ref.id}{at} is not in the cache; run 'varireal fetch'{hint}"
        return _model_state(need, lock, entry, MISSING, problem)
    if cached.missing:
        problem = (
            f"{need.key}: {len(cached.missing)} of {len(cached.wanted)} files of {need.ref.id} are missing, such as "
            f"{cached.missing[0]}; run 'varireal fetch'"
        )
        return _model_state(need, lock, entry, INCOMPLETE, problem, cached=cached)
    wrong = _wrong_file(cached, entry, verify=verify)
    if wrong:
        problem = f"{need.key}: {wrong} of {need.ref.id} is not the file that was fetched; run 'varireal fetch'"
        return _model_state(need, lock, entry, DAMAGED, problem, cached=cached)
    looked = look_into(cached.folder, ref, need.key)
    state = BROKEN if looked.problem else PRESENT
    return _model_state(need, lock, entry, state, looked.problem, cached=cached, looked=looked, verified=verify)


def _local_state(need: ModelNeed, lock: Lock) -> ModelState:
    place = Path(need.ref.id).expanduser()
    if not place.exists():
        problem = (
            f"{need.key}.id: there is no {need.ref.id!r}; expected a folder or file, or a hub id such as org/name"
        )
        return _model_state(need, lock, None, MISSING, problem)
    looked = look_into(place, need.ref, need.key)
    return _model_state(need, lock, None, BROKEN if looked.problem else PRESENT, looked.problem, looked=looked)


def _model_state(
    need: ModelNeed,
    lock: Lock,
    entry: LockedModel | None,
    state: str,
    problem: str,
    *,
    cached: Cached | None = None,
    looked: Looked | None = None,
    verified: bool = False,
) -> ModelState:
    facts, weights = known(need.ref.id), looked.weights if looked is not None else None
    numbers = None if weights is None else weights.parameters
    size = _size(cached) if state == PRESENT and cached is not None else None
    size = size or (entry.size / _GB if entry is not None else None) or (weights.size / _GB if weights else facts.gb)
    return ModelState(
        key=need.key,
        id=need.ref.id,
        local=need.local,
        stages=need.stages,
        state=state,
        problem=problem,
        revision=_revision(need, cached, entry, present=state == PRESENT),
        locked=entry is not None,
        kind="" if looked is None else looked.kind,
        licence=UNKNOWN if state == MISSING and need.local else licence_of(need, lock),
        gated=None if need.local else facts.gated if entry is None else entry.gated,
        size_gb=size,
        gb_16=facts.gb_16 if numbers is None else 2 * numbers / _GB,
        part_16=facts.part_16 if weights is None or weights.largest is None else 2 * weights.largest / _GB,
        verified=verified,
    )


def _revision(need: ModelNeed, cached: Cached | None, entry: LockedModel | None, *, present: bool) -> str | None:
    if need.local:
        return f"local-{local_digest(need.ref, need.key)}" if present else None
    return cached.revision if cached is not None else entry.revision if entry is not None else need.ref.revision


def _size(cached: Cached) -> float:
    return sum((cached.folder / name).stat().st_size for name in cached.wanted) / _GB


def _wrong_file(cached: Cached, entry: LockedModel | None, *, verify: bool) -> str:
    """Name of a file that is not what it was; empty when all are."""
    files = {} if entry is None else entry.files
    for name in cached.wanted:
        path = cached.folder / name
        locked_file = files.get(name)
        if locked_file is not None and path.stat().st_size != locked_file.size:
            return name
        # the cache names the content of a large file by its hash
        expected = locked_file.sha256 if locked_file is not None else path.resolve().name
        if verify and _SHA256.fullmatch(expected) and file_digest(path) != expected:
            return name
    return ""


_GIB = 1 << 30
_WORK_GB = 2.5  # GB besides the weights: activations of one 1024 x 1024 picture in 16 bits, and CUDA itself
_QUANTIZED = {"none": 1.0, "8bit": 0.5, "4bit": 0.3}  # of the 16-bit size; 4 bits with their scales


@dataclass(frozen=True, slots=True)
class ExtraState:
    """An extra of this package that the config needs.

    Attributes:
        name: as in ``pip install 'varireal[name]'``.
        needed_by: what needs it.
        missing: packages of it that are not installed.
    """

    name: str
    needed_by: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerState:
    """A hosted model.

    Attributes:
        key: its block in the config.
        model: its name at the server.
        base_url: the server.
        unset: environment variables that the config names and that are not set.
        problem: what keeps it from being asked; empty when nothing is known to.
        note: what is likely to be wrong with its address.
    """

    key: str
    model: str
    base_url: str
    unset: tuple[str, ...]
    problem: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What models run on.

    Attributes:
        name: the card, or ``cpu``.
        memory_gb: GiB of the card, or of the machine on the CPU; None when unknown.
        dtype: number format of the models.
        on_gpu: whether it is a card.
        problem: why the configured one cannot be used; empty when it can.
    """

    name: str
    memory_gb: float | None
    dtype: str
    on_gpu: bool
    problem: str = ""


def extra_states(config: Config) -> list[ExtraState]:
    """Every extra that the config needs, and what of it is not installed."""
    needed: dict[str, list[str]] = {}
    for capability, name in [*chosen_backends(config), *config.backends("adapters"), *config.backends("dataset")]:
        needed.setdefault(backend_extra(capability, name), []).append(name)
    if config.prompts.source == "openai":
        needed.setdefault("llm", []).append("prompts.source")
    extras = _requirements()
    return [
        ExtraState(extra, tuple(dict.fromkeys(names)), tuple(_not_installed(extras[extra])))
        for extra, names in sorted(needed.items())
        if extra in extras
    ]


def device_state(machine: MachineConfig) -> DeviceState:
    """The device that the models will run on. Imports torch, unless the config says that it is the CPU."""
    if machine.device == "cpu":
        dtype = "float32" if machine.dtype == "auto" else machine.dtype
        return DeviceState("cpu", _memory_of_machine(), dtype, on_gpu=False)
    try:
        from varireal.models.device import find_device
    except ImportError as error:
        return DeviceState("unknown", None, "unknown", on_gpu=False, problem=f"torch cannot be imported ({error})")
    try:
        device = find_device(machine)
    except BackendError as error:
        return DeviceState("none", None, "unknown", on_gpu=False, problem=str(error))
    memory = device.memory_gb if device.on_gpu else _memory_of_machine()
    return DeviceState(device.label, memory, device.dtype_name, on_gpu=device.on_gpu)


def server_states(config: Config) -> list[ServerState]:
    """Every hosted model that is asked, and whether the variables with its keys are set."""
    return [_server_state(asked) for asked in hosted_models(config)]


def too_big(config: Config, models: Sequence[ModelState], device: DeviceState) -> list[str]:
    """Stages whose models do not fit into the GPU, each with what can be done about it. Imports torch."""
    if not device.on_gpu or device.memory_gb is None:
        return []
    from varireal.models.device import memory_plan

    factor = 2.0 if device.dtype == "float32" else 1.0
    has = device.memory_gb * _GIB / _GB
    plan = memory_plan(device.memory_gb, config.machine.batch_size)
    stages = []
    for stage in dict.fromkeys(stage for stage in STAGES for model in models if stage in model.stages):
        members = {(m.id, m.gb_16, m.part_16) for m in models if stage in m.stages and m.gb_16 is not None}
        whole = factor * sum(gb_16 or 0.0 for _, gb_16, _ in members)
        if stage == "verdicts" and config.verdicts.judge == "vlm":
            whole *= _QUANTIZED[config.verdicts.vlm.quantize]
        largest = factor * max((part or gb_16 or 0.0 for _, gb_16, part in members), default=0.0)
        needed = (largest if stage == "edits" and plan.offload else whole) + _WORK_GB
        if not members or needed <= has:
            continue
        size = f"the models of {stage} need about {needed:.0f} GB, {device.name} has {has:.0f}"
        stages.append(f"{size}; {_cure(config, stage, largest + _WORK_GB <= has, factor)}")
    return stages


def too_slow(models: Iterable[ModelState], device: DeviceState) -> str:
    """A word on large models without a GPU; empty when there is nothing to say."""
    size = max((model.gb_16 or 0.0 for model in models), default=0.0)
    if device.on_gpu or device.problem or size < 1:
        return ""
    return f"models of up to {size:.1f} GB run on the CPU here, which works and is slow; a GPU is meant for them"


def to_fetch_gb(models: Iterable[ModelState]) -> float:
    """GB that are still to be fetched, as far as sizes are known."""
    sizes = {model.id: model.size_gb or 0.0 for model in models if model.state != PRESENT and not model.local}
    return sum(sizes.values())


def _cure(config: Config, stage: str, parts_fit: bool, factor: float) -> str:
    if stage == "edits" and parts_fit:
        return "set machine.memory_gb: 12, so that the parts take turns on the card"
    if factor > 1:
        return "set machine.dtype: auto, which halves it"
    if stage == "verdicts" and config.verdicts.judge == "vlm" and config.verdicts.vlm.quantize != "4bit":
        return "set verdicts.vlm.quantize: 8bit or 4bit, or choose a smaller model"
    return "choose a smaller model, or a larger card"


def _server_state(asked: HostedModel) -> ServerState:
    server = asked.server
    unset = tuple(name for name in (server.key_env, *server.headers.values()) if not os.environ.get(name))
    # a server of one's own may want no key; the public one that is the default does
    public = server.base_url == type(server)().base_url
    problem = ""
    if public and server.key_env in unset:
        problem = f"{asked.key}: the environment variable {server.key_env} is not set; it holds the server's key"
    elif set(server.headers.values()) & set(unset):
        problem = f"{asked.key}.server.headers: not set in the environment: {', '.join(unset)}"
    elif wrong := address_problem(server):
        problem = f"{asked.key}.server.base_url: {wrong}"
    elif wrong := unaskable(server):
        problem = f"{asked.key}.server: {server.base_url} cannot be asked: {wrong}"
    note = "" if problem else address_note(server)
    note = note and f"{asked.key}.server.base_url: {note}"
    return ServerState(asked.key, asked.model, shown_address(server.base_url), unset, problem, note)


def _requirements() -> dict[str, list[str]]:
    """Packages of every extra, from this package's own metadata."""
    packages: dict[str, list[str]] = {}
    for requirement in metadata.requires("varireal") or ():
        name, extra = re.match(r"[\w.-]+", requirement), re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        if name is not None and extra is not None:
            packages.setdefault(extra[1], []).append(name[0])
    return packages


def _not_installed(packages: Iterable[str]) -> list[str]:
    missing = []
    for name in packages:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def _memory_of_machine() -> float | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB
    except (AttributeError, OSError, ValueError):
        return None


def needs_torch(config: Config) -> bool:
    """Whether any part of the study runs on torch."""
    return bool(needed_models(config)) or bool(config.adapters.regimes)
