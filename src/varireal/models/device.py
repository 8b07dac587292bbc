"""Device, number format and memory of the models.

A ``MemoryPlan`` says what is done from the start for a card of some size, a ``Ladder`` what is done when memory runs
short all the same.
"""

import gc
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from varireal.config.machine import MachineConfig
from varireal.errors import BackendError
from varireal.running.gpu_lease import lease_gpu

logger = logging.getLogger(__name__)

A = TypeVar("A")
B = TypeVar("B")

HALF, OFFLOAD, TILE = "half_batch", "offload", "tile"


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How a card's memory is used.

    Attributes:
        batch: pictures of 1024 x 1024 in one call of SDXL in 16 bits.
        offload: models wait in the machine's memory and come to the card one at a time.
        slices: the VAE takes pictures one at a time.
        tiles: the VAE takes pictures in tiles.
    """

    batch: int
    offload: bool = False
    slices: bool = True
    tiles: bool = False


# (from this many GiB, plan). The sizes: inpainting and ControlNet models 5.1 GB each in 16 bits, the ControlNet 2.5,
# text encoders 1.6 (released once all prompts are encoded), image encoder 1.3, VAE 0.2; a guided picture 2 to 3.
_PLANS = (
    (70.0, MemoryPlan(16, slices=False)),
    (40.0, MemoryPlan(8)),
    (22.0, MemoryPlan(4)),
    (11.0, MemoryPlan(2, offload=True)),
    (0.0, MemoryPlan(1, offload=True, tiles=True)),
)
_CPU = MemoryPlan(1, slices=False)


def memory_plan(memory_gb: float, batch_size: int | None) -> MemoryPlan:
    """The plan for a card, or for the CPU when ``memory_gb`` is 0.

    Args:
        memory_gb: memory in GiB.
        batch_size: the user's own number of pictures per call.
    """
    plan = next(plan for least, plan in _PLANS if memory_gb >= least) if memory_gb else _CPU
    return plan if batch_size is None else MemoryPlan(batch_size, plan.offload, plan.slices, plan.tiles)


class Ladder:
    """Runs batches, and steps down when memory runs short: smaller batches, then offload, then tiles.

    A step that was taken stays: the next batch would run short again. The work must not depend on the batch: it is
    given the same items again, with their own seeds.
    """

    def __init__(self, batch: int, *, offload: Callable[[], None] | None, tile: Callable[[], None] | None) -> None:
        self.batch = batch
        self.step = ""
        self._next: list[tuple[str, Callable[[], None]]] = [
            (name, action) for name, action in ((OFFLOAD, offload), (TILE, tile)) if action is not None
        ]

    def run(self, work: Callable[[Sequence[A]], list[B]], items: Sequence[A]) -> list[B]:
        """Results of ``work`` for all items, in order.

        Raises:
            torch.OutOfMemoryError: one item alone is too much, even after the last step.
        """
        results: list[B] = []
        while len(results) < len(items):
            part = items[len(results) : len(results) + self.batch]
            made = self._tried(work, part)
            if made is not None:
                results += made
        return results

    def _tried(self, work: Callable[[Sequence[A]], list[B]], part: Sequence[A]) -> list[B] | None:
        try:
            return work(part)
        except torch.OutOfMemoryError:
            if len(part) == 1 and not self._next:
                raise
            self._step_down(len(part))
        # outside of the handler: the error's traceback keeps the tensors of the failed call alive
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _step_down(self, size: int) -> None:
        if size > 1:
            self.batch, self.step = size // 2, HALF
            logger.warning("memory ran short with %d pictures; trying %d", size, self.batch)
            return
        self.step, action = self._next.pop(0)
        logger.warning("memory ran short with one picture; trying %s", self.step)
        action()


_GIB = 1 << 30
_FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Device:
    """Where models run.

    Attributes:
        name: ``cpu`` or ``cuda``.
        dtype: number format of weights and activations.
        memory_gb: memory of the GPU in GiB, 0 on the CPU.
    """

    name: str
    dtype: torch.dtype
    memory_gb: float

    @property
    def dtype_name(self) -> str:
        """``float32``, ``bfloat16`` or ``float16``."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def label(self) -> str:
        """The device as a row says it: the card's name."""
        return "cpu" if self.name == "cpu" else torch.cuda.get_device_name()

    @property
    def on_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.name != "cpu"


def find_device(machine: MachineConfig) -> Device:
    """The configured device; a GPU is leased, so that no other job of this user has it.

    Raises:
        BackendError: a GPU is asked for and there is none.
    """
    if machine.device != "cpu":
        lease_gpu()
    present = torch.cuda.is_available()
    if machine.device == "cuda" and not present:
        raise BackendError("machine.device is 'cuda', but torch finds no GPU here; use auto or cpu")
    name = "cuda" if present and machine.device != "cpu" else "cpu"
    if name == "cpu":
        return Device(name, _FORMATS.get(machine.dtype, torch.float32), 0.0)
    automatic = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    memory = machine.memory_gb or torch.cuda.get_device_properties(0).total_memory / _GIB
    return Device(name, _FORMATS.get(machine.dtype, automatic), memory)


def quiet() -> None:
    """Keep the libraries' own progress bars and advice out of the logs."""
    import diffusers
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
