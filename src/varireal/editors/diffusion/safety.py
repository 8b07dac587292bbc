"""Stable Diffusion's safety checker: only its flag is used, never its black pictures."""

import numpy as np
import torch
import transformers
from PIL import Image

from varireal.arrays import Array
from varireal.config.machine import ModelRef
from varireal.models.device import Device
from varireal.models.loading_diffusers import load_part

_KEY = "edits.sdxl.models.safety_checker"


class SafetyChecker:
    """Flags pictures.

    Raises:
        BackendError: the model cannot be loaded.
    """

    def __init__(self, ref: ModelRef, device: Device) -> None:
        from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

        self._device = device
        self._model = load_part(StableDiffusionSafetyChecker, ref, _KEY, dtype=device.dtype).to(device.name).eval()
        side = self._model.config.vision_config.image_size
        self._processor = transformers.CLIPImageProcessor(size={"shortest_edge": side}, crop_size=side)

    def flag(self, picture: Array) -> bool:
        """Whether a picture, (H, W, 3) in levels of 255, is flagged."""
        small = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        pixels = self._processor(small, return_tensors="pt").pixel_values.to(self._device.name, self._device.dtype)
        with torch.inference_mode():
            _, flags = self._model(clip_input=pixels, images=np.zeros((1, 8, 8, 3), np.float32))
        return bool(flags[0])
