"""``edits.sdxl``: edits by Stable Diffusion XL."""

from typing import Annotated, Any, Literal

from pydantic import Field

from varireal.config.base import StrictModel
from varireal.config.machine import ModelRef

Mode = Literal["masked", "text2image", "image2image"]
Preset = Literal["matched", "paper"]
# Attributes whose recipe starts from a prior picture.
WITH_PRIOR = ("background", "texture")
# Prior pictures per prompt; 0 makes a fresh one for each edit.
DEFAULT_POOL: dict[Preset, int] = {"matched": 8, "paper": 0}
PublishedData = Literal["pets", "aircraft", "cars", "waterbirds"]


class SdxlModels(StrictModel):
    """The models of the recipes; any folder in the format of diffusers will do."""

    inpaint: Annotated[ModelRef, Field(description="SDXL inpainting, 9 or 4 channels.")] = ModelRef(
        id="diffusers/stable-diffusion-xl-1.0-inpainting-0.1", variant="fp16"
    )
    base: Annotated[ModelRef, Field(description="SDXL that the ControlNet steers; colour and texture.")] = ModelRef(
        id="SG161222/RealVisXL_V4.0", variant="fp16"
    )
    controlnet: Annotated[ModelRef, Field(description="ControlNet for Canny edges.")] = ModelRef(
        id="diffusers/controlnet-canny-sdxl-1.0", variant="fp16"
    )
    ip_adapter: Annotated[
        ModelRef, Field(description="IP-Adapter: file in subfolder, its image encoder in models/image_encoder.")
    ] = ModelRef(id="h94/IP-Adapter", subfolder="sdxl_models", file="ip-adapter-plus_sdxl_vit-h.safetensors")
    vae: Annotated[
        ModelRef | None,
        Field(description="VAE that does not overflow in float16; null: the models' own, upcast where it must be."),
    ] = ModelRef(id="madebyollin/sdxl-vae-fp16-fix")
    prior: Annotated[
        ModelRef,
        Field(description="Text-to-image model of the priors: SD 1/2, SDXL, SD3, Flux, Qwen-Image or Z-Image."),
    ] = ModelRef(id="stabilityai/stable-diffusion-xl-base-1.0", variant="fp16")
    plain: Annotated[ModelRef, Field(description="Model of the modes without a mask, text2image and image2image.")] = (
        ModelRef(id="stabilityai/stable-diffusion-xl-base-1.0", variant="fp16")
    )
    safety_checker: Annotated[
        ModelRef | None,
        Field(description="Safety checker of Stable Diffusion: CompVis/stable-diffusion-safety-checker; null: none."),
    ] = None


class Speed(StrictModel):
    """Fewer or cheaper steps; each changes the pictures, and each row says which were on."""

    scheduler: Annotated[
        Literal["published", "lcm", "tcd", "euler_trailing", "dpm", "unipc"],
        Field(
            description="Sampler of the edits: the models' own, lcm, tcd (Hyper-SD), euler_trailing (Lightning) ..."
        ),
    ] = "published"
    lora: Annotated[
        ModelRef | None, Field(description="Few-step LoRA such as latent-consistency/lcm-lora-sdxl; null: none.")
    ] = None
    steps: Annotated[
        int | None,
        Field(ge=1, le=100, description="Denoising steps that are really made, in each stage; null: the recipe's."),
    ] = None
    guidance: Annotated[
        float | None,
        Field(ge=0, le=50, description="Guidance in each stage, 1 or less for distilled models; null: the recipe's."),
    ] = None
    step_cache: Annotated[
        bool,
        Field(description="Cache steps where the model can (transformers such as Flux and Qwen-Image; SDXL cannot)."),
    ] = False


class SdxlEdits(StrictModel):
    """Options of ``backend: sdxl``."""

    mode: Annotated[
        Mode,
        Field(description="masked: the recipes; text2image and image2image: the published baselines without a mask."),
    ] = "masked"
    preset: Annotated[
        Preset,
        Field(description="matched: both arms with equal parameters, defects mended; paper: the published values."),
    ] = "matched"
    published: Annotated[
        PublishedData, Field(description="Data set whose published parameters are taken: the nearest to your photos.")
    ] = "pets"
    recipes: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Parameters of your own by attribute: {color: {alpha: 0.4}}; see docs/recipes.md."),
    ] = {}  # noqa: RUF012
    size: Annotated[
        int, Field(ge=32, le=2048, multiple_of=8, description="Long side at which photos are edited, in pixels.")
    ] = 1024
    pool_size: Annotated[
        int | None,
        Field(
            ge=0,
            le=1000,
            description="Prior pictures per prompt, shared by all photos; 0: one per edit; null: the preset's.",
        ),
    ] = None
    weights: Annotated[bool, Field(description="Weigh the prompt's name as published: (name)1.2. By compel.")] = True
    speed: Annotated[Speed, Field(description="Few-step samplers and caches.")] = Speed()
    models: Annotated[SdxlModels, Field(description="Models of the recipes.")] = SdxlModels()
