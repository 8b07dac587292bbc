"""A config with what the lock knows put into it: what the workflow makes the stages' slices from."""

from pathlib import Path

from varireal.config.model import Config
from varireal.models.catalog import needed_models
from varireal.models.licences import study_licences
from varireal.models.lock import Lock, pinned, read_lock


def as_locked(config: Config) -> tuple[Config, dict[str, str]]:
    """The config at the lock's revisions, and the licence of every model that the data set depends on.

    The lock is not read when no model of the hub is used.

    Raises:
        ConfigError: the lock is damaged, or the config pins another revision.
    """
    hub = any(not need.local for need in needed_models(config))
    lock = read_lock(Path(config.machine.lock)) if hub else Lock()
    return pinned(config, lock), study_licences(config, lock)
