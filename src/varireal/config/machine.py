"""``machine``: what models run on. None of it runs anything again; each row says what it was made with."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from varireal.config.base import Added, StrictModel

# Before there was a key the wait had no limit; no result tells the two apart.
GRACE_SECONDS = 20.0


class ModelRef(StrictModel):
    """A model: where it is, and which files of it."""

    id: Annotated[str, Field(min_length=1, description="Hub id such as org/name, or a local folder or file.")]
    revision: Annotated[
        str | None, Field(min_length=1, description="Commit or tag of the hub; null: the one in models.lock, or main.")
    ] = None
    variant: Annotated[
        str | None,
        Field(min_length=1, description="Variant of the weights' files, such as fp16; null: the plain ones."),
    ] = None
    subfolder: Annotated[str | None, Field(min_length=1, description="Folder of the model inside; null: the top.")] = (
        None
    )
    file: Annotated[
        str | None, Field(min_length=1, description="File of the weights, where a model is one file; null: found.")
    ] = None


class MachineConfig(StrictModel):
    """Device, number format and memory."""

    device: Annotated[
        Literal["auto", "cpu", "cuda"], Field(description="auto: the GPU when there is one, else the CPU.")
    ] = "auto"
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Field(description="Number format of the models; auto: bfloat16 on a GPU that has it, float32 on the CPU."),
    ] = "auto"
    memory_gb: Annotated[
        float | None,
        Field(gt=0, description="GPU memory to plan for; null: what the card has. 8, 12, 24 and 80 are tried."),
    ] = None
    batch_size: Annotated[
        int | None,
        Field(ge=1, le=256, description="Pictures in one call of a model; null: what fits into the memory."),
    ] = None
    compile: Annotated[
        bool, Field(description="Compile the denoiser (torch.compile): a minute at the start, faster steps after.")
    ] = False
    lock: Annotated[
        str,
        Field(
            min_length=1, description="File with the revision and hashes of every model; 'varireal fetch' writes it."
        ),
    ] = "models.lock"
    grace_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="Longest wait for the answers of hosted models that are under way when SIGTERM or SIGUSR1 "
            "stops a job; less than SLURM's KillWait, which is 30.",
        ),
        Added(before=GRACE_SECONDS),
    ] = GRACE_SECONDS


def is_local(ref: ModelRef) -> bool:
    """Whether a model is a file or folder of this machine, and no hub id."""
    return Path(ref.id).expanduser().exists() or ref.id.startswith((".", "/", "~")) or ref.id.count("/") != 1
