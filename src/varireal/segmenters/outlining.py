"""SAM 2: the outline of what is in a box (Ravi et al., "SAM 2", 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import AutoModelForMaskGeneration, Sam2Processor

from varireal.arrays import Array
from varireal.config.machine import ModelRef
from varireal.models.device import Device
from varireal.models.loading import load_processor, load_transformers
from varireal.segmenters.detector import autocast

# A checkpoint of the video model holds the picture model; transformers takes it out.
_TYPES = ("sam2", "sam2_video")


@dataclass(frozen=True, slots=True)
class Outline:
    """What SAM 2 makes of a photo's boxes.

    Attributes:
        mask: (H, W) bool, all boxes' objects together.
        iou: the model's own estimate of its overlap with the truth, 0..1; the least of the boxes.
    """

    mask: Array
    iou: float


class Outliner:
    """Finds masks, many photos at a time.

    Args:
        ref: the model.
        key: its place in the config, for messages.
        device: where it runs; weights in 32 bits, products in the device's format, as published.

    Raises:
        BackendError: it cannot be loaded.
    """

    def __init__(self, ref: ModelRef, key: str, device: Device) -> None:
        self._device = device
        self._model = load_transformers(
            AutoModelForMaskGeneration, ref, key, device=device, types=_TYPES, dtype=torch.float32
        )
        self._processor = load_processor(Sam2Processor, ref, key)

    def outline(self, images: Sequence[Array], boxes: Sequence[Array], *, batch: int) -> list[Outline]:
        """The mask of each photo.

        Args:
            images: (H, W, 3) uint8.
            boxes: (N, 4) corners in pixels for each photo, N at least 1.
            batch: most photos in one call of the model.
        """
        found: dict[int, Outline] = {}
        for count in sorted({len(each) for each in boxes}):  # the model wants the same number of boxes in all photos
            members = [number for number, each in enumerate(boxes) if len(each) == count]
            for start in range(0, len(members), batch):
                part = members[start : start + batch]
                outlines = self._outline([images[number] for number in part], [boxes[number] for number in part])
                found |= dict(zip(part, outlines, strict=True))
        return [found[number] for number in range(len(images))]

    def _outline(self, images: list[Array], boxes: list[Array]) -> list[Outline]:
        inputs = self._processor(
            images=images,
            input_boxes=[each.tolist() for each in boxes],
            input_data_format="channels_last",
            return_tensors="pt",
            device=self._device.name,
        ).to(self._device.name)
        with torch.inference_mode(), autocast(self._device):
            outputs = self._model(
                pixel_values=inputs["pixel_values"], input_boxes=inputs["input_boxes"], multimask_output=False
            )
        sizes = [image.shape[:2] for image in images]
        masks = self._processor.post_process_masks(outputs.pred_masks.float(), sizes)
        least = outputs.iou_scores.float().flatten(1).amin(1).clamp(0, 1).cpu().tolist()
        return [
            Outline(np.asarray(mask.flatten(0, 1).any(0).cpu().numpy()), iou)
            for mask, iou in zip(masks, least, strict=True)
        ]
