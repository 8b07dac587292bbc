"""Detector and SAM 2 on one device, how many photos they take at a time, and choosing among the detector's boxes."""

import gc
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from transformers import AutoModelForMaskGeneration, AutoModelForZeroShotObjectDetection, AutoProcessor, Sam2Processor

from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.masks import GroundedSam2Masks
from varireal.models.device import Device, find_device
from varireal.models.loading import load_processor, load_transformers
from varireal.records import Array

_INSIDE = 0.9  # a box that lies in another one to this share is a part of the same object, or the object of a part
_MIN_SIDE = 1.0  # px; what is thinner after clipping to the photo is no box


@dataclass(frozen=True, slots=True)
class Boxes:
    """A detector's boxes in one photo.

    Attributes:
        corners: (N, 4) float64: left, top, right, bottom in pixels of the photo.
        scores: (N,) float64 in 0..1.
    """

    corners: Array
    scores: Array

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: Sequence[int] | Array) -> "Boxes":
        return Boxes(self.corners[chosen], self.scores[chosen])


def usable_boxes(boxes: Boxes, height: int, width: int) -> Boxes:
    """The boxes clipped to a photo of ``height`` x ``width`` px, best first; degenerate ones and NaN are left out."""
    corners = boxes.corners.astype(np.float64).reshape(-1, 4)
    corners = np.clip(corners, 0, [width, height, width, height])
    sides = corners[:, 2:] - corners[:, :2]
    good = (sides >= _MIN_SIDE).all(1) & np.isfinite(boxes.scores)
    usable = np.flatnonzero(good)
    return Boxes(corners, boxes.scores.astype(np.float64))[usable[np.argsort(-boxes.scores[usable], kind="stable")]]


def objects_among(boxes: Boxes, *, overlap: float, margin: float) -> Boxes:
    """The boxes of separate objects, best first: greedy non-maximum suppression, then those near the best score.

    A box is the same object as a better one if they overlap by more than ``overlap`` (intersection over union), or if
    the smaller of them lies in the larger one.

    Args:
        boxes: best first.
        overlap: 0..1.
        margin: how far below the best score a box still counts as an object.
    """
    chosen: list[int] = []
    for number in range(len(boxes)):
        if boxes.scores[number] < boxes.scores[0] - margin:
            break
        if not any(_same(boxes.corners[number], boxes.corners[other], overlap) for other in chosen):
            chosen.append(number)
    return boxes[chosen]


def _same(one: Array, other: Array, overlap: float) -> bool:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one, other)]
    return shared / (sum(areas) - shared) > overlap or shared / min(areas) > _INSIDE


_DETECTORS = ("grounding-dino", "mm-grounding-dino")
_CANVAS = 128  # px; photos are padded to multiples of it, so that a few sizes hold them all
_MOST_TOKENS = 256  # of a text, by the model's positions


class Detector:
    """Grounding DINO (Liu et al. 2023): finds boxes of what a text names, many photos at a time.

    A photo's boxes do not depend on the other photos of its batch.

    Weights stay in 32 bits and products are taken in the device's format (autocast): box coordinates in bfloat16
    would be wrong by up to 4 px of 1,000.

    Args:
        ref: the model.
        key: its place in the config, for messages.
        device: where it runs.

    Raises:
        BackendError: it cannot be loaded.
    """

    def __init__(self, ref: ModelRef, key: str, device: Device) -> None:
        self._device = device
        self._model = load_transformers(
            AutoModelForZeroShotObjectDetection, ref, key, device=device, types=_DETECTORS, dtype=torch.float32
        )
        self._processor = load_processor(AutoProcessor, ref, key)

    def detect(
        self, images: Sequence[Array], texts: Sequence[str], *, box_threshold: float, text_threshold: float, batch: int
    ) -> list[Boxes]:
        """Boxes of each photo, unordered.

        Args:
            images: (H, W, 3) uint8.
            texts: one label for each, without full stops.
            box_threshold: smallest score of a box.
            text_threshold: smallest score of a word; boxes that match no word so well are left out.
            batch: most photos in one call of the model.
        """
        boxes: dict[int, Boxes] = {}
        for numbers, pixels, inside in self._batches(images, batch):
            words = self._processor(
                text=[[texts[number]] for number in numbers],
                padding=True,
                truncation=True,
                max_length=_MOST_TOKENS,
                return_tensors="pt",
            ).to(self._device.name)
            with torch.inference_mode(), autocast(self._device):
                outputs = self._model(pixel_values=pixels, pixel_mask=inside, **words)
            outputs.logits, outputs.pred_boxes = outputs.logits.float(), outputs.pred_boxes.float()
            results = self._processor.post_process_grounded_object_detection(
                outputs,
                words["input_ids"],
                threshold=box_threshold,
                text_threshold=text_threshold,
                target_sizes=[images[number].shape[:2] for number in numbers],
            )
            boxes |= {number: _boxes(result) for number, result in zip(numbers, results, strict=True)}
        return [boxes[number] for number in range(len(images))]

    def _batches(self, images: Sequence[Array], most: int) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        """Photos of one padded size together: the padding of a photo follows from its own size alone.

        Padding to the largest of a batch, as the processor does, would let neighbours in: the group norms after the
        backbone take their statistics over the padding as well.
        """
        prepare = self._processor.image_processor
        sizes: dict[tuple[int, int], list[tuple[int, torch.Tensor]]] = defaultdict(list)
        for number, image in enumerate(images):
            pixels = prepare(
                images=[image],
                input_data_format="channels_last",
                do_pad=False,
                return_tensors="pt",
                device=self._device.name,
            )["pixel_values"][0]
            height, width = (-(-side // _CANVAS) * _CANVAS for side in pixels.shape[-2:])
            sizes[height, width].append((number, pixels))
        for canvas, members in sizes.items():
            for start in range(0, len(members), most):
                part = members[start : start + most]
                padded = [prepare.pad(pixels, canvas)[:2] for _, pixels in part]
                pictures, insides = (torch.stack(tensors) for tensors in zip(*padded, strict=True))
                yield [number for number, _ in part], pictures, insides


def autocast(device: Device) -> Any:
    """Matrix products in the device's format, for a model whose weights are in 32 bits."""
    return torch.autocast(device.name, device.dtype, enabled=device.dtype != torch.float32)


def _boxes(result: dict[str, Any]) -> Boxes:
    named = [bool(label.strip()) for label in result["text_labels"]]
    chosen = Boxes(result["boxes"].double().cpu().numpy(), result["scores"].double().cpu().numpy())
    return chosen[[number for number, has_name in enumerate(named) if has_name]]


# A checkpoint of the video model holds the picture model; transformers takes it out.
_OUTLINERS = ("sam2", "sam2_video")


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
    """SAM 2 (Ravi et al. 2024): finds the outline of what is in a box, many photos at a time.

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
            AutoModelForMaskGeneration, ref, key, device=device, types=_OUTLINERS, dtype=torch.float32
        )
        self._processor = load_processor(Sam2Processor, ref, key)

    def outline(self, images: Sequence[Array], boxes: Sequence[Array], *, batch: int) -> list[Outline]:
        """The mask of each photo.

        Args:
            images: (H, W, 3) uint8.
            boxes: (N, 4) corners in pixels for each photo, N at least 1.
            batch: most photos in one call of the model.
        """
        outlines_by_photo: dict[int, Outline] = {}
        for count in sorted({len(each) for each in boxes}):  # the model wants the same number of boxes in all photos
            members = [number for number, each in enumerate(boxes) if len(each) == count]
            for start in range(0, len(members), batch):
                part = members[start : start + batch]
                outlines = self._outline([images[number] for number in part], [boxes[number] for number in part])
                outlines_by_photo |= dict(zip(part, outlines, strict=True))
        return [outlines_by_photo[number] for number in range(len(images))]

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
