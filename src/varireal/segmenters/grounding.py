"""Detector and SAM 2 on one device, and how many photos they take at a time."""

import gc
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from varireal.arrays import Array
from varireal.config.machine import MachineConfig
from varireal.config.masks import GroundedSam2Masks
from varireal.models.device import Device, find_device
from varireal.segmenters.boxes import Boxes
from varireal.segmenters.detector import Detector
from varireal.segmenters.outlining import Outline, Outliner

logger = logging.getLogger(__name__)

T = TypeVar("T")

DETECTOR, SEGMENTER = "masks.grounded_sam2.detector", "masks.grounded_sam2.segmenter"

# GiB: both models with the 16-bit copies of their weights; one photo on its way through either. Computed from the
# sizes of the layers at 800 x 1333 px, not measured.
_WEIGHTS_GB, _PHOTO_GB = 4.0, 1.5
_MOST = 16  # photos in a call
_CPU_PHOTOS = 2


class Grounding:
    """Both models, loaded.

    Attributes:
        batch: photos in one call of a model; halved for good when memory runs short.

    Args:
        settings: the models, and the detector's thresholds.
        machine: device, number format, memory, batch size.

    Raises:
        BackendError: a model cannot be loaded, or the device is not there.
    """

    def __init__(self, settings: GroundedSam2Masks, machine: MachineConfig) -> None:
        device = find_device(machine)
        self._settings = settings
        self._detector = Detector(settings.detector, DETECTOR, device)
        self._outliner = Outliner(settings.segmenter, SEGMENTER, device)
        self.batch = machine.batch_size or photos_at_once(device)

    def detect(self, images: Sequence[Array], texts: Sequence[str]) -> list[Boxes]:
        """Boxes above the thresholds in (H, W, 3) uint8 photos, for one label each.

        Raises:
            torch.OutOfMemoryError: one photo alone is too much.
        """
        settings = self._settings
        return self._sparing(
            lambda batch: self._detector.detect(
                images,
                texts,
                box_threshold=settings.box_threshold,
                text_threshold=settings.text_threshold,
                batch=batch,
            )
        )

    def outline(self, images: Sequence[Array], boxes: Sequence[Array]) -> list[Outline]:
        """Masks of (H, W, 3) uint8 photos from (N, 4) corners each.

        Raises:
            torch.OutOfMemoryError: one photo alone is too much.
        """
        return self._sparing(lambda batch: self._outliner.outline(images, boxes, batch=batch))

    def _sparing(self, work: Callable[[int], T]) -> T:
        while True:
            try:
                return work(self.batch)
            except torch.OutOfMemoryError:
                if self.batch == 1:
                    raise
            # outside of the handler: the error's traceback keeps the tensors of the failed call alive
            logger.warning("memory ran short with %d photos; trying %d", self.batch, self.batch // 2)
            self.batch //= 2
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def photos_at_once(device: Device) -> int:
    """How many photos a model takes in one call, by the memory of the device."""
    if not device.on_gpu:
        return _CPU_PHOTOS
    return max(1, min(_MOST, int((device.memory_gb - _WEIGHTS_GB) / _PHOTO_GB)))
