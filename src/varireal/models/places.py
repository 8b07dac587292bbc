"""Where a model's files are: a local folder, or the hub's cache."""

import logging
from pathlib import Path

from varireal.config.machine import ModelRef
from varireal.errors import BackendError

logger = logging.getLogger(__name__)


def is_local(ref: ModelRef) -> bool:
    """Whether a model is a file or folder of this machine, and no hub id."""
    return Path(ref.id).expanduser().exists() or ref.id.startswith((".", "/", "~")) or ref.id.count("/") != 1


def find_model(ref: ModelRef, key: str) -> Path:
    """Folder (or file) of a model; a hub id is looked up in the hub's cache, and fetched when it is not whole there.

    The revision is the one in ``ref``, where the lock's has been put when the config was read; without one it is the
    branch main as it was last fetched, so that no network is asked when the files are there.

    Args:
        ref: the model.
        key: place of the model in the config, for messages.

    Raises:
        BackendError: there is none; the message says what to do.
    """
    if is_local(ref):
        place = Path(ref.id).expanduser()
        if not place.exists():
            raise BackendError(
                f"{key}.id: there is no {ref.id!r}; expected a folder or file, or a hub id such as org/name"
            )
        return place
    from huggingface_hub import constants

    from varireal.models.cache import find_cached
    from varireal.models.fetching import bring

    cached = find_cached(ref, key)
    if cached is not None and not cached.missing:
        return cached.folder
    at = f" at {ref.revision}" if ref.revision else ""
    lacking = (
        "" if cached is None else f" as a whole: {len(cached.missing)} files are missing, such as {cached.missing[0]}"
    )
    message = f"{key}: the model {ref.id!r}{at} is not in {constants.HF_HUB_CACHE}{lacking}"
    if constants.HF_HUB_OFFLINE:
        raise BackendError(
            f"{message}, and HF_HUB_OFFLINE is set; run 'varireal fetch' on a machine with a network, or give a "
            "local folder"
        )
    logger.warning("%s; it is fetched now, 'varireal fetch' does that before a run", message)
    return bring(ref, key)
