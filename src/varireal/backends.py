"""Making the configured backends: each gets its own block of the config, and what it runs on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal.config.base import StrictModel
from varireal.config.hosted import Server
from varireal.config.machine import MachineConfig
from varireal.config.slices import MachineSlice, read_slice
from varireal.core.registry import is_built_in, load_backend, make_outside
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
        return make_outside(capability, name, getattr(block, "options", {}))
    kind = load_backend(capability, name)
    settings = getattr(block, name, None)
    if hasattr(kind, "from_config"):  # CLIP's keys stand in the block ``adapters`` itself
        return kind.from_config(block if settings is None else settings, context)
    if settings is None:
        return kind()
    return kind(**settings.model_dump())
