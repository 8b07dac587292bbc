"""Masks by a background-removal model in an ONNX file: what stands out in a photo, whatever its name.

Networks such as BiRefNet (Zheng et al., 2024), IS-Net or U2-Net: a square picture in, a map of the object out.
"""

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

from varireal.backends import BackendContext
from varireal.config.machine import ModelRef
from varireal.config.masks import MattingMasks
from varireal.core.files import error_text
from varireal.errors import BackendError
from varireal.models.catalog import model_identity
from varireal.models.fetching import find_model
from varireal.names import MaskStatus
from varireal.records import Array, MaskResult
from varireal.running.gpu_lease import lease_gpu

logger = logging.getLogger(__name__)

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class PictureModel:
    """A model in an ONNX file, a plain graph without code of its repository.

    It makes one map of a picture: (N, 3, H, W) in, (N, 1, h, w) or (N, h, w) out.

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
            raise BackendError(f"{key}: the model {str(path)!r} cannot be loaded: {error_text(error, 300)}") from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else []
        # sides and channels that the file leaves open are names
        fits = len(shape) == 4 and (shape[1] == 3 or not isinstance(shape[1], int)) and shape[3] != 3
        if len(inputs) != 1 or not fits or inputs[0].type not in _TYPES:
            listed = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise BackendError(f"{key}: {str(path)!r} takes {listed}; expected one picture, float (N, 3, H, W)")
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
            (output, *_) = self._session.run(None, {self._input.name: whole})
            maps.append(self._map(np.asarray(output, np.float32), size)[: len(part)])
        return np.concatenate(maps)

    def _map(self, output: Array, count: int) -> Array:
        if output.ndim == 4 and 1 in (output.shape[1], output.shape[3]):
            output = output[:, 0] if output.shape[1] == 1 else output[..., 0]
        if output.ndim != 3 or len(output) != count:
            raise BackendError(
                f"{self._key}: the first output of {self._ref.id!r} has shape {output.shape} for {count} pictures; "
                "expected one map for each, (N, 1, h, w)"
            )
        return output

    @cached_property
    def leaves_0_to_1(self) -> bool:
        """Whether a trial on a fixed picture of noise gives values outside of 0 to 1.

        Told once for a model, so that no photo's mask depends on what it happens to hold.
        """
        height, width = self.size or (64, 64)
        output = self.run(np.random.default_rng(0).normal(size=(1, 3, height, width)).astype(np.float32))
        return bool((output < -1e-3).any() or (output > 1 + 1e-3).any())


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
            listed = ", ".join(str(file.relative_to(place)) for file in files[:5]) or "none"
            raise BackendError(f"{key}.file is missing: which ONNX file of {ref.id!r} is it? There is {listed}")
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


_KEY = "masks.matting.model"
_SIZE = 1024  # px; of BiRefNet and RMBG, for files that leave it open
_GPU_PHOTOS = 4
_FLAT = 1e-6


class MattingSegmenter:
    """Finds what stands out with a background-removal network. It knows no classes and counts no objects.

    The score of a mask is the overlap of the soft map with its own mask: the sum of the lesser of both over the sum of
    the greater. It is 1 for a map of zeros and ones, and lower the more of the picture is in between.

    Args:
        settings: its block of the config.
        context: device.
    """

    name = "matting"
    version = 1
    uses_given = False
    uses_names = False

    def __init__(self, settings: MattingMasks, context: BackendContext) -> None:
        self._settings = settings
        self._machine = context.machine

    @classmethod
    def from_config(cls, settings: MattingMasks, context: BackendContext) -> "MattingSegmenter":
        """The backend of a study."""
        return cls(settings, context)

    @cached_property
    def revision(self) -> str:
        """The model with its revision.

        Raises:
            BackendError: a local model is not there.
        """
        return model_identity(self._settings.model, _KEY)

    @property
    def batch_size(self) -> int:
        """Photos to be given at once."""
        usual = _GPU_PHOTOS if self._model.on_gpu else 1
        return self._model.batch or self._machine.batch_size or usual

    def segment(
        self, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
    ) -> list[MaskResult]:
        """Return one mask per image; given masks and names are not looked at. See ``Segmenter.segment``.

        Raises:
            BackendError: the model cannot be loaded, or is not of this kind.
            ValueError: it gave no numbers.
        """
        for other in (given, class_names):
            if len(other) != len(images):
                raise ValueError(f"got {len(images)} images with {len(given)} masks and {len(class_names)} names")
        if not images:
            return []
        maps = self._model.run(np.stack([self._pixels(image) for image in images]))
        return [self._result(map_, image) for map_, image in zip(maps, images, strict=True)]

    def _pixels(self, image: Array) -> Array:
        """(3, H, W) float32 of the model's size; the sides are stretched, as these models are trained."""
        height, width = self._size
        shrinks = image.shape[0] > height or image.shape[1] > width
        resized = cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        ).astype(np.float32)
        mean, std = (np.array(values, np.float32) for values in (self._settings.mean, self._settings.std))
        values = (resized / 255 - mean) / std
        return np.ascontiguousarray(values.transpose(2, 0, 1))

    def _result(self, map_: Array, image: Array) -> MaskResult:
        soft = self._probabilities(map_)
        height, width = image.shape[:2]
        soft = np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))
        mask = soft > self._settings.threshold
        if not mask.any():
            return MaskResult(None, MaskStatus.EMPTY, "The background-removal model sees no object in this image.")
        score = float(soft[mask].sum() / (mask.sum() + soft[~mask].sum()))
        return MaskResult(mask, MaskStatus.OK, score=score)

    def _probabilities(self, map_: Array) -> Array:
        if not np.isfinite(map_).all():
            raise ValueError("the background-removal model gave values that are no numbers")
        kind = self._settings.output
        if kind == "minmax":
            low, high = float(map_.min()), float(map_.max())
            return np.zeros_like(map_) if high - low < _FLAT else (map_ - low) / (high - low)
        if kind == "logits" or (kind == "auto" and self._model.leaves_0_to_1):
            return np.asarray(1 / (1 + np.exp(-np.clip(map_, -60, 60))))
        return np.clip(map_, 0, 1)

    @cached_property
    def _size(self) -> tuple[int, int]:
        """(height, width) of the model's input."""
        wanted, takes = self._settings.size, self._model.size
        if wanted and takes and takes != (wanted, wanted):
            raise BackendError(
                f"masks.matting.size is {wanted}, but {self._settings.model.id!r} takes {takes[1]} x {takes[0]} px; "
                "set size: null"
            )
        return takes or (wanted or _SIZE, wanted or _SIZE)

    @cached_property
    def _model(self) -> PictureModel:
        return PictureModel(self._settings.model, _KEY, self._machine.device)
