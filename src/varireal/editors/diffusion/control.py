"""SDXL with a ControlNet and an IP-Adapter that sees another image for each picture of a batch."""

from typing import Any

import torch
from diffusers import StableDiffusionXLControlNetPipeline


class ControlPipeline(StableDiffusionXLControlNetPipeline):
    """Each picture of a batch with its own IP-Adapter image.

    diffusers (0.42) repeats given embeddings once per picture of the batch, so that every picture of a batch sees the
    images of all.
    """

    def prepare_ip_adapter_image_embeds(
        self,
        ip_adapter_image: Any,  # noqa: ARG002 - the signature is diffusers'
        ip_adapter_image_embeds: list[torch.Tensor],
        device: Any,
        num_images_per_prompt: int,  # noqa: ARG002
        do_classifier_free_guidance: bool,
    ) -> list[torch.Tensor]:
        """Given embeddings, (2 N, 1, ...) with those of blank pictures first; without guidance, the second half."""
        half = ip_adapter_image_embeds[0].chunk(2)[1]
        return [(ip_adapter_image_embeds[0] if do_classifier_free_guidance else half).to(device)]
