"""Grounding DINO: boxes of what a text names (Liu et al., "Grounding DINO", 2023)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from varireal.arrays import Array
from varireal.config.machine import ModelRef
from varireal.models.device import Device
from varireal.models.loading import load_processor, load_transformers
from varireal.segmenters.boxes import Boxes

_TYPES = ("grounding-dino", "mm-grounding-dino")
_CANVAS = 128  # px; photos are padded to multiples of it, so that a few sizes hold them all
_MOST_TOKENS = 256  # of a text, by the model's positions


class Detector:
    """Finds boxes, many photos at a time. A photo's boxes do not depend on the other photos of its batch.

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
            AutoModelForZeroShotObjectDetection, ref, key, device=device, types=_TYPES, dtype=torch.float32
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
        found: dict[int, Boxes] = {}
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
            found |= {number: _boxes(result) for number, result in zip(numbers, results, strict=True)}
        return [found[number] for number in range(len(images))]

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
