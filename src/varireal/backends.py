"""Making the configured backends: each gets its own block of the config, and what it runs on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal import attributes
from varireal.config.base import StrictModel
from varireal.config.hosted import Server
from varireal.config.machine import MachineConfig
from varireal.config.model import Config
from varireal.config.slices import MachineSlice, read_slice, study_measures
from varireal.core.registry import (
    CAPABILITIES,
    digital_source_type,
    is_built_in,
    load_backend,
    make_outside,
    outside_name,
)
from varireal.core.stages import STAGES
from varireal.errors import BackendError
from varireal.metrics import measures
from varireal.store.items import ItemStore

NO_MACHINE = MachineSlice(machine=MachineConfig())


@dataclass(frozen=True)
class BackendContext:
    """What a built-in backend gets besides its own block of the config.

    Attributes:
        machine: device, number format, memory.
        noun: what all classes are.
        server: the hosted model's server, for backends that ask one.
        store: the job's item store, for backends that keep something of their own in it.
    """

    machine: MachineConfig = field(default_factory=MachineConfig)
    noun: str = "object"
    server: Server | None = None
    store: ItemStore | None = None


def read_machine(path: Path | None) -> MachineSlice:
    """The machine's slice; its defaults when a stage is run by hand without one.

    Raises:
        ConfigError: the file is not such a slice.
    """
    return NO_MACHINE if path is None else read_slice(path, MachineSlice)


def make_backend(capability: str, name: str, block: StrictModel, context: BackendContext) -> Any:
    """A backend of this package with its block, or one of another package with the block's ``options``.

    A class with ``from_config(settings, context)`` is made by it, another one with the settings as keywords.

    Raises:
        BackendError: it cannot be loaded, or does not take the options.
    """
    if not is_built_in(capability, name):
        made = make_outside(capability, name, getattr(block, "options", {}))
        if capability == "editors":
            _check_editor(name, made, getattr(block, "attributes", ()))
        return made
    kind = load_backend(capability, name)
    settings = getattr(block, name, None)
    if hasattr(kind, "from_config"):  # CLIP's keys stand in the block ``adapters`` itself
        return kind.from_config(block if settings is None else settings, context)
    if settings is None:
        return kind()
    return kind(**settings.model_dump())


def _check_editor(name: str, editor: Any, wanted: Sequence[str]) -> None:
    """Whether an editor of another package makes what the study edits.

    Raises:
        BackendError: it does not, or says what its pictures cannot be.
    """
    makes = tuple(getattr(editor, "attributes", wanted))
    odd = next((each for each in wanted if each not in makes), None)
    if odd is not None:
        who = outside_name("editors", name)
        raise BackendError(f"edits.attributes has {odd!r}, but {who} makes {', '.join(makes) or 'nothing'} alone")
    digital_source_type(name, editor)


def check_outside(config: Config) -> None:
    """Make what the study uses of other packages, so that what is wrong there is told before any job.

    Of this package nothing is imported. Of others only what is used; they are made as a job makes them, so that a
    constructor can refuse its options.

    Raises:
        BackendError: a backend cannot be made with its options, or a function is not where its row says.
    """
    used = dict.fromkeys(backend for stage in STAGES for backend in config.backends(stage))
    for capability, name in used:
        if not is_built_in(capability, name):
            block = getattr(config, CAPABILITIES[capability].block)
            close = getattr(make_backend(capability, name, block, BackendContext()), "close", None)
            if callable(close):
                close()
    for name in config.edits.attributes:
        attributes.check_places(name)
    for columns in study_measures(config).values():
        for column in columns:
            measures.function_of(column)
