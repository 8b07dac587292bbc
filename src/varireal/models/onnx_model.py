"""Models in ONNX files: plain graphs, no code of a repository. Run by onnxruntime."""

import logging
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from varireal.arrays import Array
from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.loading import one_line
from varireal.models.places import find_model
from varireal.running.gpu_lease import lease_gpu

logger = logging.getLogger(__name__)

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class PictureModel:
    """A model that makes one map of a picture: (N, 3, H, W) in, (N, 1, h, w) or (N, h, w) out.

    Attributes:
        batch: pictures that one call takes; None for any number.
        size: (height, width) in pixels that it takes; None where the file leaves it open.

    Args:
        ref: the ONNX file, or a folder or hub repository and the file in it.
        key: its place in the config, for messages.
        device: auto, cpu or cuda; without onnxruntime for GPUs the CPU is used.

    Raises:
        BackendError: it is missing, damaged, or takes something else.
    """

    def __init__(self, ref: ModelRef, key: str, device: str) -> None:
        self._ref, self._key = ref, key
        path = onnx_file(ref, key)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=_providers(device))
        except Exception as error:
            raise BackendError(f"{key}: the model {str(path)!r} cannot be loaded: {one_line(error)}") from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else []
        # sides and channels that the file leaves open are names
        fits = len(shape) == 4 and (shape[1] == 3 or not isinstance(shape[1], int)) and shape[3] != 3
        if len(inputs) != 1 or not fits or inputs[0].type not in _TYPES:
            told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise BackendError(f"{key}: {str(path)!r} takes {told}; expected one picture, float (N, 3, H, W)")
        self._input = inputs[0]
        self.batch = shape[0] if isinstance(shape[0], int) else None
        sides = [side if isinstance(side, int) else None for side in shape[2:]]
        self.size = None if None in sides else (int(shape[2]), int(shape[3]))

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU."""
        return _CUDA in self._session.get_providers()

    def run(self, pixels: Array) -> Array:
        """Return the model's first output as (N, h, w) float32.

        Args:
            pixels: (N, 3, H, W) float32, normalised as the model wants it.

        Raises:
            BackendError: the output is no map for each picture.
        """
        size = self.batch or len(pixels)
        maps = []
        for start in range(0, len(pixels), size):
            part = pixels[start : start + size].astype(_TYPES[self._input.type])
            whole = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), part.dtype)])
            (found, *_) = self._session.run(None, {self._input.name: whole})
            maps.append(self._map(np.asarray(found, np.float32), size)[: len(part)])
        return np.concatenate(maps)

    def _map(self, found: Array, count: int) -> Array:
        if found.ndim == 4 and 1 in (found.shape[1], found.shape[3]):
            found = found[:, 0] if found.shape[1] == 1 else found[..., 0]
        if found.ndim != 3 or len(found) != count:
            raise BackendError(
                f"{self._key}: the first output of {self._ref.id!r} has shape {found.shape} for {count} pictures; "
                "expected one map for each, (N, 1, h, w)"
            )
        return found

    @cached_property
    def leaves_0_to_1(self) -> bool:
        """Whether a trial on a fixed picture of noise gives values outside of 0 to 1.

        Told once for a model, so that no photo's mask depends on what it happens to hold.
        """
        height, width = self.size or (64, 64)
        found = self.run(np.random.default_rng(0).normal(size=(1, 3, height, width)).astype(np.float32))
        return bool((found < -1e-3).any() or (found > 1 + 1e-3).any())


def onnx_file(ref: ModelRef, key: str) -> Path:
    """Path of the ONNX file.

    Raises:
        BackendError: there is none, or several and the config does not say which.
    """
    wanted = "/".join(part for part in (ref.subfolder, ref.file) if part)
    place = find_model(ref, key)
    path = place / wanted if wanted else place
    if path.is_dir():
        files = sorted(path.rglob("*.onnx"))
        if len(files) != 1:
            told = ", ".join(str(file.relative_to(place)) for file in files[:5]) or "none"
            raise BackendError(f"{key}.file is missing: which ONNX file of {ref.id!r} is it? There is {told}")
        return files[0]
    if not path.is_file():
        raise BackendError(f"{key}.file: there is no {str(path)!r}; expected the ONNX file of {ref.id!r}")
    return path


def _providers(device: str) -> list[Any]:
    if device == "cpu":
        return [_CPU]
    if _CUDA in onnxruntime.get_available_providers():
        lease_gpu()
        return [_CUDA, _CPU]
    if device == "cuda":
        logger.warning("onnxruntime has no GPU here and uses the CPU; the package onnxruntime-gpu has one")
    return [_CPU]
