"""Masks by a background-removal model in an ONNX file: what stands out in a photo, whatever its name.

Networks such as BiRefNet (Zheng et al., 2024), IS-Net or U2-Net: a square picture in, a map of the object out.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.config.machine import BackendContext
from varireal.config.masks import MattingMasks
from varireal.errors import BackendError
from varireal.models.identity import model_identity
from varireal.names import MaskStatus
from varireal.records import MaskResult

if TYPE_CHECKING:
    from varireal.models.onnx_model import PictureModel

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
    def _model(self) -> "PictureModel":
        try:
            from varireal.models.onnx_model import PictureModel
        except ImportError as error:
            raise BackendError(
                f"the segmenters backend {self.name!r} cannot be imported ({error}); run: pip install "
                "'varireal[diffusion]'"
            ) from error
        return PictureModel(self._settings.model, _KEY, self._machine.device)
