"""The graphs of the recipes, step by step as published, for batches of one setting.

Noise is drawn for each candidate from its own generator on the CPU, so neither batch nor device changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from varireal.config.edits import (
    BackgroundRecipe,
    ColorRecipe,
    MaskedRecipe,
    PlainRecipe,
    SdxlEdits,
    Speed,
    TextureRecipe,
)
from varireal.editors.diffusion import canvas as pixels
from varireal.editors.diffusion.canvas import SdxlCanvas
from varireal.editors.diffusion.encoding import Guided
from varireal.editors.diffusion.wording import PriorJob
from varireal.records import Array

_ON = 255


@dataclass(frozen=True)
class CanvasEdit:
    """One candidate on its canvas.

    Attributes:
        canvas: where the photo lies.
        image: (H, W, 3) uint8, the photo on the canvas.
        mask: (H, W) uint8, 255 on the object.
        recipe: parameters of its setting; None in the modes without a mask.
        guided: its text.
        seed: of its noise.
        corner: where a crop of the prior lies, two numbers in 0..1.
        prior: (S, S, 3) uint8 scene or texture; None for colours.
        prior_job: the prior that has to be made first; None when it is there, or none is needed.
        rgb: the flat colour in levels of 255; None but for colours.
    """

    canvas: SdxlCanvas
    image: Array
    mask: Array
    recipe: Any
    guided: Guided
    seed: int
    corner: tuple[float, float]
    prior: Array | None = None
    prior_job: PriorJob | None = None
    rgb: tuple[int, int, int] | None = None


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One generator on the CPU per candidate."""
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def run_background(pipes: Any, jobs: Sequence[CanvasEdit], speed: Speed, *, size: int) -> list[Array]:
    """Canvases of background edits, (H, W, 3) float in levels of 255."""
    pasted, masks = [], []
    for job in jobs:
        recipe: BackgroundRecipe = job.recipe
        scene = pixels.window(_prior(job), job.corner, job.canvas.outer)
        pasted.append(pixels.paste_with_ring(job.image, job.mask, scene, pixels.scaled(recipe.ring_px, size)))
        masks.append(pixels.outside_mask(job.mask, pixels.scaled(recipe.blur_px, size)))
    return _inpainted(pipes.inpaint, jobs, pasted, masks, generators([job.seed for job in jobs]), speed)


def run_object(pipes: Any, jobs: Sequence[CanvasEdit], speed: Speed) -> list[Array]:
    """Canvases of colour and texture edits, (H, W, 3) float in levels of 255."""
    painted = [pixels.blend(job.image, job.mask, _paint(job), job.recipe.alpha) for job in jobs]
    noise = generators([job.seed for job in jobs])  # both stages draw from it, as published
    inpainted = _inpainted(pipes.inpaint, jobs, painted, [job.mask for job in jobs], noise, speed)
    return _steered(pipes.control, jobs, inpainted, noise, speed)


def run_plain(pipe: Any, jobs: Sequence[CanvasEdit], recipe: PlainRecipe, settings: SdxlEdits) -> list[Array]:
    """Pictures of the modes without a mask, (H, W, 3) float in levels of 255."""
    height, width = jobs[0].canvas.outer
    speed = settings.speed
    if settings.mode == "image2image":
        shape = {"image": [Image.fromarray(job.image) for job in jobs], "strength": recipe.strength}
    else:
        shape = {"height": height, "width": width}
    made = pipe(
        **embeddings([job.guided for job in jobs], pipe),
        **shape,
        guidance_scale=recipe.guidance if speed.guidance is None else speed.guidance,
        num_inference_steps=speed.steps or recipe.steps,
        generator=generators([job.seed for job in jobs]),
        output_type="np",
    ).images
    return [np.asarray(picture) * _ON for picture in made]


def composed(job: CanvasEdit, picture: Array) -> Array:
    """The canvas at the size of the photo: (H, W, 3) uint8.

    With ``whole`` the object mask is applied on the canvas, as published; else the caller puts the photo's own pixels
    back, at full size.
    """
    recipe = job.recipe
    if not recipe.whole:
        return pixels.cast(job.canvas.back(picture), recipe.casting)
    object_ = (job.mask / 255.0)[..., None]
    share = object_ if isinstance(recipe, BackgroundRecipe) else 1.0 - object_
    mixed = picture.astype(np.float32) * (1.0 - share) + job.image.astype(np.float32) * share
    if recipe.casting == "wrap":
        return pixels.cast(job.canvas.back(mixed), "wrap")
    return job.canvas.back(pixels.cast(mixed, recipe.casting))


def _prior(job: CanvasEdit) -> Array:
    if job.prior is None:
        raise ValueError("an edit that starts from a prior picture has none")
    return job.prior


def _paint(job: CanvasEdit) -> Array:
    if isinstance(job.recipe, TextureRecipe):
        prior = _prior(job)
        crop = pixels.scaled(job.recipe.crop_px, prior.shape[0])
        return pixels.swatch(prior, job.corner, crop, job.canvas.outer)
    return np.array(job.rgb, np.uint8)


def _inpainted(
    pipe: Any,
    jobs: Sequence[CanvasEdit],
    images: Sequence[Array],
    masks: Sequence[Array],
    noise: list[torch.Generator],
    speed: Speed,
) -> list[Array]:
    recipe = jobs[0].recipe
    steps, strength = _steps(recipe, speed)
    height, width = jobs[0].canvas.outer
    made = pipe(
        **embeddings([job.guided for job in jobs], pipe),
        image=[Image.fromarray(image) for image in images],
        mask_image=[Image.fromarray(mask) for mask in masks],
        height=height,
        width=width,
        guidance_scale=recipe.guidance if speed.guidance is None else speed.guidance,
        num_inference_steps=steps,
        strength=strength,
        generator=noise,
        output_type="np",
    ).images
    return [np.asarray(picture) * _ON for picture in made]


def _steps(recipe: MaskedRecipe, speed: Speed) -> tuple[int, float]:
    """Steps and strength; ``speed.steps`` counts the steps that strength leaves."""
    if speed.steps is None:
        return recipe.steps, recipe.strength
    steps = speed.steps
    while int(steps * recipe.strength) < speed.steps:
        steps += 1
    return steps, recipe.strength


def _steered(
    pipe: Any, jobs: Sequence[CanvasEdit], inpainted: Sequence[Array], noise: list[torch.Generator], speed: Speed
) -> list[Array]:
    recipe: ColorRecipe = jobs[0].recipe
    edges = [pixels.object_edges(job.image, job.mask, recipe.canny_low) for job in jobs]
    seen = [pixels.on_grey(picture, job.mask, recipe.grey) for picture, job in zip(inpainted, jobs, strict=True)]
    pipe.set_ip_adapter_scale(recipe.ip_scale)
    height, width = jobs[0].canvas.outer
    made = pipe(
        **embeddings([job.guided for job in jobs], pipe),
        image=[Image.fromarray(edge) for edge in edges],
        ip_adapter_image_embeds=[_seen_embeddings(pipe, seen)],
        height=height,
        width=width,
        guidance_scale=recipe.control_guidance if speed.guidance is None else speed.guidance,
        num_inference_steps=speed.steps or recipe.control_steps,
        controlnet_conditioning_scale=recipe.control_scale,
        generator=noise,
        output_type="np",
    ).images
    return [np.asarray(picture) * _ON for picture in made]


@torch.inference_mode()
def _seen_embeddings(pipe: Any, seen: Sequence[Array]) -> torch.Tensor:
    """(2 N, 1, ...): embeddings of blank pictures, then of the N pictures, each with its own."""
    plus = type(pipe.unet.encoder_hid_proj.image_projection_layers[0]).__name__ != "ImageProjection"
    pictures = [Image.fromarray(picture) for picture in seen]
    embeds, blank = pipe.encode_image(pictures, pipe._execution_device, 1, plus)
    return torch.cat([blank, embeds])[:, None]


def embeddings(texts: Sequence[Guided], pipe: Any) -> dict[str, torch.Tensor]:
    """Arguments of a call for texts of one length."""
    device, dtype = pipe._execution_device, pipe.unet.dtype

    def stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(tensors).to(device, dtype)

    both = {
        "prompt_embeds": stacked([text.positive.embeds for text in texts]),
        "negative_prompt_embeds": stacked([text.negative.embeds for text in texts]),
    }
    first, away = [t.positive.pooled for t in texts], [t.negative.pooled for t in texts]
    if first[0] is not None:
        both["pooled_prompt_embeds"] = stacked([one for one in first if one is not None])
        both["negative_pooled_prompt_embeds"] = stacked([one for one in away if one is not None])
    return both
