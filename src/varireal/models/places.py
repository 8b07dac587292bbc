"""Where a model's files are: a local folder, or the hub's cache at the revision that ``models.lock`` pins."""

import logging
from collections.abc import Sequence
from pathlib import Path

from varireal.config.machine import ModelRef
from varireal.errors import BackendError

logger = logging.getLogger(__name__)

# Weights as safetensors or ONNX, and the text files around them; nothing that could be run.
ALLOWED = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "*.onnx")


def is_local(ref: ModelRef) -> bool:
    """Whether a model is a file or folder of this machine, and no hub id."""
    return Path(ref.id).expanduser().exists() or ref.id.startswith((".", "/", "~")) or ref.id.count("/") != 1


def find_model(ref: ModelRef, key: str, *, revision: str | None = None, allow: Sequence[str] = ALLOWED) -> Path:
    """Folder (or file) of a model; a hub id is looked up in the hub's cache, and fetched when there is a network.

    Args:
        ref: the model.
        key: place of the model in the config, for messages.
        revision: revision from ``models.lock``, used when the config pins none.
        allow: which files of a hub repository are wanted.

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
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError

    wanted = ref.revision or revision
    try:
        return Path(snapshot_download(ref.id, revision=wanted, allow_patterns=list(allow)))
    except GatedRepoError as error:
        raise BackendError(
            f"{key}: {ref.id!r} is gated; accept its licence on its page, put your token into HF_TOKEN, and run "
            "'varireal fetch'"
        ) from error
    except Exception as error:
        raise BackendError(
            f"{key}: the model {ref.id!r} is not in {constants.HF_HUB_CACHE} and the hub cannot be reached "
            f"({type(error).__name__}); run 'varireal fetch' on a machine with a network, or give a local folder"
        ) from error
