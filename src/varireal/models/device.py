"""Device, number format and memory of the models."""

from dataclasses import dataclass

import torch

from varireal.config.machine import MachineConfig
from varireal.errors import BackendError
from varireal.running.gpu_lease import lease_gpu

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
    def told(self) -> str:
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
