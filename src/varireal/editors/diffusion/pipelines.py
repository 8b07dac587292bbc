"""The pipelines of the recipes: each is loaded when it is first needed, once per job."""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from diffusers import StableDiffusionXLControlNetPipeline
from PIL import Image

from varireal.config.edits import SdxlEdits
from varireal.config.machine import ModelRef
from varireal.core.files import error_text
from varireal.editors.diffusion.encoding import Guided, TextCache
from varireal.editors.diffusion.graph import embeddings, generators
from varireal.editors.diffusion.wording import PriorJob
from varireal.errors import BackendError
from varireal.models.device import Device, Ladder, MemoryPlan
from varireal.models.loading import load_part, pipeline_class, pipeline_folder
from varireal.records import Array

_ON = 255


class PriorMaker:
    """Makes prior pictures (scenes and textures from a prompt alone) with any text-to-image pipeline of diffusers.

    Stable Diffusion 1/2 and SDXL read weighted embeddings that are encoded once per text; other models read the plain
    text, which their own pipelines encode.

    Args:
        pipes: has ``prior`` and ``text_parts``.
        ladder: runs the batches.
        size: side of the pictures in pixels.
    """

    def __init__(self, pipes: Any, ladder: Ladder, size: int) -> None:
        self._pipes, self._ladder, self._size = pipes, ladder, size
        self._texts = TextCache(lambda: pipes.text_parts("prior"), truncate=True, zeros=False)

    def make(self, jobs: Sequence[PriorJob]) -> list[Array]:
        """One (size, size, 3) uint8 picture per job, in order; the jobs share one recipe."""
        if not jobs:
            return []
        if not hasattr(self._pipes.prior, "unet"):
            return self._ladder.run(self._plain, jobs)
        negative = jobs[0].recipe.negative
        self._texts.prepare([job.text for job in jobs])
        guided = [self._texts.guided(job.text, negative) for job in jobs]
        return self._ladder.run(self._embedded, list(zip(jobs, guided, strict=True)))

    def _embedded(self, part: Sequence[tuple[PriorJob, Guided]]) -> list[Array]:
        pipe = self._pipes.prior
        return self._called([job for job, _ in part], **embeddings([guided for _, guided in part], pipe))

    def _plain(self, jobs: Sequence[PriorJob]) -> list[Array]:
        return self._called(jobs, prompt=[job.text.plain for job in jobs])

    def _called(self, jobs: Sequence[PriorJob], **text: Any) -> list[Array]:
        recipe = jobs[0].recipe
        made = self._pipes.prior(
            **text,
            height=self._size,
            width=self._size,
            num_inference_steps=recipe.steps,
            guidance_scale=recipe.guidance,
            generator=generators([job.seed for job in jobs]),
            output_type="np",
        ).images
        return [np.clip(np.rint(np.asarray(picture) * _ON), 0, _ON).astype(np.uint8) for picture in made]


_KEY = "edits.sdxl.models.safety_checker"


class SafetyChecker:
    """Stable Diffusion's safety checker: only its flag is used, never its black pictures.

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


class ControlPipeline(StableDiffusionXLControlNetPipeline):
    """SDXL with a ControlNet and an IP-Adapter, where each picture of a batch has its own IP-Adapter image.

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


logger = logging.getLogger(__name__)

MODELS = "edits.sdxl.models"  # their place in the config
_SDXL = ("StableDiffusionXL",)
_ENCODER_FOLDER = "models/image_encoder"  # of the IP-Adapter's repository
_TEXT_PARTS = ("text_encoder", "text_encoder_2")
_NO_TEXT: dict[str, Any] = dict.fromkeys(_TEXT_PARTS)
_NOT_TEXT = ("vae", "unet", "image_encoder", "feature_extractor", "safety_checker")

_SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
    "euler_trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "dpm": ("DPMSolverMultistepScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}


class Pipelines:
    """What the recipes call.

    Args:
        settings: which models, which sampler.
        device: where they run.
        plan: how memory is used.
        compiled: compile the denoisers.
    """

    def __init__(self, settings: SdxlEdits, device: Device, plan: MemoryPlan, *, compiled: bool = False) -> None:
        self._settings, self._device, self._compiled = settings, device, compiled
        self._models = settings.models
        self._offload, self._slices, self._tiles = plan.offload and device.on_gpu, plan.slices, plan.tiles
        self._loaded: list[Any] = []

    @cached_property
    def inpaint(self) -> Any:
        """SDXL inpainting."""
        key = f"{MODELS}.inpaint"
        pipeline_class(self._models.inpaint, key, _SDXL)
        # the published inpainting decodes with its own VAE, which diffusers then keeps in float32
        parts = {} if self._settings.preset == "paper" else self._safe_vae()
        pipe = self._load(diffusers.StableDiffusionXLInpaintPipeline, self._models.inpaint, key, **parts, **_NO_TEXT)
        return self._ready(pipe, key)

    @cached_property
    def control(self) -> Any:
        """SDXL with the Canny ControlNet and the IP-Adapter."""
        key = f"{MODELS}.base"
        pipeline_class(self._models.base, key, _SDXL)
        net = load_part(
            diffusers.ControlNetModel, self._models.controlnet, f"{MODELS}.controlnet", dtype=self._device.dtype
        )
        parts = {"controlnet": net, **self._safe_vae(), **self._image_encoder()}
        pipe = self._load(ControlPipeline, self._models.base, key, **parts, **_NO_TEXT)
        self._adapt(pipe)
        return self._ready(pipe, key)

    @cached_property
    def prior(self) -> Any:
        """Text to image for the priors, with DPM-Solver++ where the model is one of Stable Diffusion's."""
        key = f"{MODELS}.prior"
        name = pipeline_class(self._models.prior, key)
        parts = self._safe_vae() if name.startswith(_SDXL) else {}
        pipe = self._load(diffusers.AutoPipelineForText2Image, self._models.prior, key, **parts)
        if hasattr(pipe, "unet"):
            pipe.scheduler = diffusers.DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
        return self._ready(pipe, key, sampler=False)

    @cached_property
    def plain(self) -> Any:
        """Text to image or image to image, without a mask."""
        key = f"{MODELS}.plain"
        pipeline_class(self._models.plain, key, _SDXL)
        kind = (
            diffusers.AutoPipelineForText2Image
            if self._settings.mode == "text2image"
            else diffusers.AutoPipelineForImage2Image
        )
        return self._ready(self._load(kind, self._models.plain, key, **self._safe_vae(), **_NO_TEXT), key)

    def text_parts(self, which: str) -> Any:
        """Tokenizers and text encoders of a pipeline, ``inpaint``, ``base``, ``plain`` or ``prior``, on the device."""
        ref, key = getattr(self._models, which), f"{MODELS}.{which}"
        pipeline_class(ref, key)
        index = diffusers.DiffusionPipeline.load_config(pipeline_folder(ref, key))
        skipped = [name for name in _NOT_TEXT if name in index]
        parts = self._load(diffusers.DiffusionPipeline, ref, key, **dict.fromkeys(skipped))
        for name in _TEXT_PARTS:
            encoder = getattr(parts, name, None)
            if encoder is not None:
                encoder.to(self._device.name).requires_grad_(requires_grad=False)
        return parts

    @property
    def memory_steps(self) -> tuple[Callable[[], None] | None, Callable[[], None] | None]:
        """What can still be done when memory runs short: offload, tile."""
        offload = self.offload if self._device.on_gpu and not self._offload else None
        return offload, None if self._tiles else self.tile

    def offload(self) -> None:
        """Let models wait in the machine's memory from now on."""
        self._offload = True
        for pipe in self._loaded:
            pipe.enable_model_cpu_offload()

    def tile(self) -> None:
        """Let the VAEs work in tiles from now on."""
        self._tiles = True
        for pipe in self._loaded:
            pipe.vae.enable_tiling()

    def _load(self, kind: Any, ref: ModelRef, key: str, **parts: Any) -> Any:
        return load_part(kind, ref, key, dtype=self._device.dtype, **parts)

    def _safe_vae(self) -> dict[str, Any]:
        ref = self._models.vae
        if ref is None:
            return {}
        return {"vae": load_part(diffusers.AutoencoderKL, ref, f"{MODELS}.vae", dtype=self._device.dtype)}

    def _image_encoder(self) -> dict[str, Any]:
        ref, key = self._models.ip_adapter, f"{MODELS}.ip_adapter"
        inside = ref.model_copy(update={"subfolder": None, "variant": None})
        encoder = load_part(
            transformers.CLIPVisionModelWithProjection,
            inside,
            key,
            subfolder=_ENCODER_FOLDER,
            dtype=self._device.dtype,
        )
        side = encoder.config.image_size
        return {
            "image_encoder": encoder,
            "feature_extractor": transformers.CLIPImageProcessor(size=side, crop_size=side),
        }

    def _adapt(self, pipe: Any) -> None:
        ref, key = self._models.ip_adapter, f"{MODELS}.ip_adapter"
        folder = pipeline_folder(ref, key)
        if ref.file is None or not ref.file.endswith(".safetensors"):
            raise BackendError(f"{key}.file: expected the name of a .safetensors file, found {ref.file!r}")
        if not (folder / (ref.subfolder or "") / ref.file).is_file():
            raise BackendError(f"{key}.file: there is no {ref.subfolder or '.'}/{ref.file} in {folder}")
        try:
            pipe.load_ip_adapter(
                folder, subfolder=ref.subfolder or "", weight_name=ref.file, image_encoder_folder=None
            )
        except Exception as error:
            reason = error_text(error, 300)
            raise BackendError(f"{key}: the adapter does not fit the model of {MODELS}.base: {reason}") from error

    def _ready(self, pipe: Any, key: str, *, sampler: bool = True) -> Any:
        if sampler:
            self._speed_up(pipe)
        pipe.set_progress_bar_config(disable=True)
        if getattr(pipe, "watermark", None) is not None:
            pipe.watermark = None  # the data set says of each picture how it was made; hidden bits would be a change
        if self._device.on_gpu:
            for part in (getattr(pipe, "unet", None), pipe.vae):
                if part is not None:
                    part.to(memory_format=torch.channels_last)
        if self._compiled and hasattr(pipe, "unet"):
            pipe.unet.compile_repeated_blocks()
        if self._slices:
            pipe.vae.enable_slicing()
        if self._tiles:
            pipe.vae.enable_tiling()
        if self._offload:
            pipe.enable_model_cpu_offload()
        else:
            pipe.to(self._device.name)
        self._loaded.append(pipe)
        logger.info("loaded %s", key)
        return pipe

    def _speed_up(self, pipe: Any) -> None:
        speed = self._settings.speed
        if speed.scheduler in _SCHEDULERS:
            name, options = _SCHEDULERS[speed.scheduler]
            pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config, **options)
        if speed.lora is None:
            return
        key = "edits.sdxl.speed.lora"
        folder = pipeline_folder(speed.lora, key)
        try:
            pipe.load_lora_weights(folder, weight_name=speed.lora.file, use_safetensors=True)
        except Exception as error:
            raise BackendError(f"{key}: cannot be loaded: {error_text(error, 300)}") from error
        pipe.fuse_lora()
        pipe.unload_lora_weights()
