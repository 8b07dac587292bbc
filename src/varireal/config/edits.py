"""``edits``: what is changed in the photos, how often, and by which editor."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from varireal import attributes
from varireal.config.base import Added, AttributeName, EditorName, Options, StrictModel, block_of, explain
from varireal.config.hosted import Name, Server, Traffic
from varireal.config.machine import ModelRef
from varireal.core.registry import described
from varireal.metrics import measures
from varireal.names import DEFAULT_POOL, FEASIBILITIES

Mode = Literal["masked", "text2image", "image2image"]
Preset = Literal["matched", "paper"]
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


# The parameters of the diffusion edits as data, in two presets: ``paper.yaml`` holds the published values by
# attribute, data set and arm, ``matched.yaml`` what both arms share.
_ASSETS = Path(__file__).parents[1] / "assets" / "recipes"

Positive = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]
Guidance = Annotated[float, Field(ge=0, le=100)]
Text = Annotated[str, Field(min_length=1)]


class PriorRecipe(StrictModel):
    """A picture from a prompt alone: a scene, or a swatch of a texture.

    Attributes:
        template: prompt; {prompt} is name and description, {name} and {marked_name} the name, {class} noun and
            class, {bare_class} the class alone.
        negative: what it must not show; empty: nothing is said.
        steps: denoising steps of DPM-Solver++.
        guidance: classifier-free guidance.
        weighted: the prompt keeps the weight of its name, as published.
    """

    template: Text
    negative: str = ""
    steps: Positive
    guidance: Guidance = 7.5
    weighted: bool = False


class MaskedRecipe(StrictModel):
    """What all recipes have: text, weight and the inpainting stage.

    Attributes:
        template: prompt, with {class} and {prompt}.
        negative: negative prompt, used where ``use_negative`` is set.
        use_negative: published code drops it: the unconditional embedding is then zeros.
        weight: weight of the prompt's name.
        compel_syntax: published: texts are in compel's syntax and read by its parser; the pooled embedding reads the
            syntax as words.
        guidance: of the inpainting stage.
        steps: of the inpainting stage, before ``strength`` shortens them.
        strength: share of the steps that are made.
        letterbox: square pads to a black square, as published; bucket keeps the photo's shape.
        seeds: published: every edit has one of these seeds; empty: each candidate has its own.
        casting: wrap cuts decimals and lets overflows wrap round, as published for textures; cut cuts decimals; round
            clips and rounds.
        whole: published: the pixels outside the mask are those of the resized photo; else the photo's own.
    """

    template: Text
    negative: str = ""
    use_negative: bool = True
    weight: Annotated[float, Field(gt=0, le=2)] = 1.0
    compel_syntax: bool = False
    guidance: Guidance
    steps: Positive
    strength: Annotated[float, Field(gt=0, le=1)]
    letterbox: Literal["square", "bucket"] = "bucket"
    seeds: tuple[int, ...] = ()
    casting: Literal["round", "cut", "wrap"] = "round"
    whole: bool = False


class BackgroundRecipe(MaskedRecipe):
    """Prior scene, the object and a ring of real pixels pasted onto it, inpainting of all but the object.

    Attributes:
        prior: the scene.
        ring_px: side of the square that the mask is dilated with, in pixels of a long side of 1024.
        blur_px: side of the Gaussian on the inpainting mask, likewise; odd.
    """

    prior: PriorRecipe
    ring_px: Annotated[int, Field(ge=0, le=512)]
    blur_px: Annotated[int, Field(ge=1, le=255)] = 41


class ColorRecipe(MaskedRecipe):
    """Flat colour blended in, inpainting, then a ControlNet that sees edges and the inpainted object.

    Attributes:
        alpha: share of the colour in the blend.
        ip_scale: scale of the IP-Adapter.
        control_scale: scale of the ControlNet.
        control_steps: steps of the last stage.
        control_guidance: guidance of the last stage.
        grey: level of the canvas around the object that the IP-Adapter sees.
        canny_low: lower Canny threshold as a share of the picture's median; the upper one is 255.
    """

    alpha: Share
    ip_scale: Share
    control_scale: Annotated[float, Field(ge=0, le=2)] = 1.0
    control_steps: Positive = 25
    control_guidance: Guidance = 7.5
    grey: Annotated[int, Field(ge=0, le=255)] = 100
    canny_low: Share = 0.7


class TextureRecipe(ColorRecipe):
    """As colour, with a crop of a prior texture, enlarged and sharpened, in place of the flat colour.

    Attributes:
        prior: the texture.
        crop_px: side of the crop, in pixels of a prior of 1024.
    """

    prior: PriorRecipe
    crop_px: Annotated[int, Field(ge=8, le=1024)] = 256


class PlainRecipe(StrictModel):
    """The published baselines without a mask.

    Attributes:
        template: prompt by attribute, with {class} and {name}.
        steps: denoising steps.
        guidance: classifier-free guidance.
        strength: share of the steps that image2image makes; not used by text2image.
    """

    template: dict[str, Text]
    steps: Positive = 30
    guidance: Guidance
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0


def recipe_model(attribute: str) -> type[MaskedRecipe]:
    """The model of an attribute's recipe.

    Raises:
        BackendError: the attribute's row names none that is there.
    """
    model: type[MaskedRecipe] = attributes.at_place(attributes.attribute_row(attribute).recipe)
    return model


@cache
def _asset(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((_ASSETS / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def masked_recipe(
    preset: str, published: str, attribute: str, feasibility: str, overrides: Mapping[str, Mapping[str, Any]]
) -> Any:
    """The recipe of one setting.

    Args:
        preset: matched or paper.
        published: data set whose values are taken.
        attribute: what is edited; one that the presets do not have gets what they share and its model's defaults.
        feasibility: the arm; ``matched`` does not look at it.
        overrides: the user's own parameters by attribute.

    Raises:
        ValueError: the data set has no published recipe for the attribute, or a parameter is not valid.
    """
    data = _asset(preset)
    common, section = data["common"], data.get(attribute, {"common": {}, "sets": {published: {}}})
    by_set = section["sets"]
    if published not in by_set:
        raise ValueError(
            f"there is no published recipe for {attribute} edits of {published!r}, only for {', '.join(by_set)}; "
            "use one of these or the preset matched"
        )
    chosen = by_set[published]
    values = {**common, **section["common"], **chosen.get("both", chosen), **chosen.get(feasibility, {})}
    mine = dict(overrides.get(attribute, {}))
    prior = {**values.pop("prior", {}), **mine.pop("prior", {})}
    merged = values | mine | ({"prior": prior} if prior else {})
    return TypeAdapter(recipe_model(attribute)).validate_python(merged)


def plain_recipe(mode: str) -> PlainRecipe:
    """The recipe of text2image or image2image."""
    return PlainRecipe.model_validate(_asset("paper")["plain"][mode])


def _known_fields(template: str) -> str:
    wrong = attributes.template_problem(template)
    if wrong is not None:
        raise ValueError(wrong)
    return template


Template = Annotated[str, Field(min_length=1), AfterValidator(_known_fields)]


def _instruction(row: attributes.Attribute) -> tuple[Any, Any]:
    doc = Field(description=f"Instruction of {row.title} edits.")
    # of an attribute that came later, in no slice of a study that does not edit it
    later = () if row.name in attributes.PUBLISHED_ATTRIBUTES else (Added(before="{prompt}"),)
    return Annotated[(Template, doc, *later)], row.instruction


if TYPE_CHECKING:
    _InstructionKeys = StrictModel
else:
    _InstructionKeys = block_of(
        "_InstructionKeys", {name: _instruction(row) for name, row in attributes.every().items() if row.instruction}
    )


class EditInstructions(_InstructionKeys):
    """What a model is told, by attribute; {prompt}, {name}, {class} and {noun} are filled in."""


class InstructEdits(EditInstructions):
    """Options of ``backend: instruct``: an editing model that follows an instruction."""

    model: Annotated[
        ModelRef,
        Field(description="Image-editing pipeline of diffusers: Qwen-Image-Edit, FLUX Kontext or FLUX.2 klein."),
    ] = ModelRef(id="Qwen/Qwen-Image-Edit")
    inpaint: Annotated[
        bool,
        Field(description="Show the model what may change, by the inpainting variant of its pipeline, if it has one."),
    ] = False
    steps: Annotated[int, Field(ge=1, le=200, description="Denoising steps.")] = 30
    strength: Annotated[
        float, Field(gt=0, le=1, description="Inpainting variants: share of the steps that are made; 1: from noise.")
    ] = 1.0
    guidance: Annotated[float, Field(ge=0, le=50, description="Guidance (true_cfg_scale of Qwen-Image).")] = 4.0
    size: Annotated[
        int,
        Field(
            ge=64,
            le=2048,
            multiple_of=32,
            description="Photos are edited at the area of a square of this side in pixels; Qwen-Image-Edit: 1024.",
        ),
    ] = 1024
    negative: Annotated[str, Field(description="Negative prompt, where the pipeline takes one.")] = (
        "deformed, low quality, watermark, text"
    )
    step_cache: Annotated[bool, Field(description="Cache steps where the model can; changes the pictures.")] = False

    @model_validator(mode="after")
    def _some_step(self) -> "InstructEdits":
        if int(self.steps * self.strength) < 1:
            raise ValueError(f"steps {self.steps} at strength {self.strength:g} leave no step to make; raise one")
        return self


class PictureTraffic(Traffic):
    """As for texts, but a picture takes longer."""

    timeout_seconds: Annotated[float, Field(gt=0, description="Longest wait for one picture.")] = 300.0


class PictureServer(Server):
    """Where the server is and how it is paid; none of this changes a picture or runs anything again."""

    traffic: Annotated[PictureTraffic, Field(description="How fast the server is asked.")] = PictureTraffic()
    usd_per_image: Annotated[
        float | None,
        Field(ge=0, description="Price of one picture in US dollars; null: by prices and the tokens that are told."),
    ] = None


class HostedEdits(EditInstructions):
    """Options of ``backend: openai_images``: a hosted endpoint for editing pictures."""

    model: Annotated[Name, Field(description="Model, as the server calls it.")] = "gpt-image-1"
    size: Annotated[
        str,
        Field(
            pattern=r"^(auto|[1-9]\d{1,3}x[1-9]\d{1,3})$",
            description="Size that is asked for, WIDTHxHEIGHT; photos are padded to it. auto: as the photo is.",
        ),
    ] = "1024x1024"
    quality: Annotated[str | None, Field(min_length=1, description="Quality that is asked for; null: not sent.")] = (
        "medium"
    )
    fidelity: Annotated[
        str | None, Field(min_length=1, description="input_fidelity, such as high; null: not sent.")
    ] = None
    send_mask: Annotated[bool, Field(description="Send the mask of what may change.")] = True
    server: Annotated[PictureServer, Field(description="Where the server is, and how it is paid.")] = PictureServer()

    @model_validator(mode="after")
    def _priced(self) -> "HostedEdits":
        server = self.server
        if server.budget.usd is not None and server.usd_per_image is None and self.model not in server.prices:
            raise ValueError(
                "server.budget.usd needs a price: set server.usd_per_image, or server.prices for the model "
                f"{self.model!r}"
            )
        return self


def uses_pool(edits: "EditsConfig", attribute: str) -> bool:
    """Whether edits of an attribute draw their prior pictures from a pool that is made once per study."""
    sdxl = edits.sdxl
    size = sdxl.pool_size if sdxl.pool_size is not None else DEFAULT_POOL[sdxl.preset]
    return edits.backend == "sdxl" and sdxl.mode == "masked" and _starts_from_prior(attribute) and size > 0


def _starts_from_prior(attribute: str) -> bool:
    return attribute in attributes.with_need(attributes.PRIOR)


def _cannot_make(edits: "EditsConfig", row: attributes.Attribute) -> str | None:
    """Why the chosen editor cannot make an attribute; what another package's can make is seen when it is loaded."""
    if edits.backend == "procedural" and row.name not in attributes.PUBLISHED_ATTRIBUTES:
        return f"the editor 'procedural' makes {', '.join(attributes.PUBLISHED_ATTRIBUTES)} alone"
    if edits.backend == "sdxl" and not row.recipe:
        return "the editor 'sdxl' has no recipe for it"
    if edits.backend == "sdxl" and edits.sdxl.mode != "masked" and row.name not in plain_recipe("text2image").template:
        return f"the editor 'sdxl' has no template for it in the mode {edits.sdxl.mode!r}"
    if edits.backend in ("instruct", "openai_images") and not row.instruction:
        return f"its row has no instruction for the editor {edits.backend!r}"
    return None


class EditsConfig(StrictModel):
    """What is changed in the train photos."""

    backend: Annotated[
        EditorName,
        Field(description=f"{described('editors')}."),
    ] = "procedural"
    options: Options = Field(default_factory=dict)
    attributes: Annotated[
        tuple[AttributeName, ...],
        Field(min_length=1, description="Attributes to edit; each in a feasible and an infeasible arm."),
    ] = attributes.PUBLISHED_ATTRIBUTES
    per_image: Annotated[
        int,
        Field(
            ge=1, le=100, description="Edits of each train photo for each attribute and arm, each with another prompt."
        ),
    ] = 1
    rounds: Annotated[
        int,
        Field(
            ge=1,
            le=10,
            description=(
                "Attempts: a later round edits only what was not accepted, with a new seed; what stays missing "
                "is reported."
            ),
        ),
    ] = 2
    batch_size: Annotated[
        int | None,
        Field(
            ge=1,
            le=256,
            description="Items that the editor gets together, null: what it likes; does not change the result.",
        ),
    ] = None
    sdxl: Annotated[SdxlEdits, Field(description="Options of the backend sdxl.")] = SdxlEdits()
    instruct: Annotated[InstructEdits, Field(description="Options of the backend instruct.")] = InstructEdits()
    openai_images: Annotated[HostedEdits, Field(description="Options of the backend openai_images.")] = HostedEdits()

    @model_validator(mode="after")
    def _distinct(self) -> "EditsConfig":
        if len(set(self.attributes)) != len(self.attributes):
            raise ValueError("attributes: an attribute is named twice")
        return self

    @model_validator(mode="after")
    def _can_be_made(self) -> "EditsConfig":
        for name in self.attributes:
            row = attributes.attribute_row(name)
            wrong = measures.problem(row) or _cannot_make(self, row)
            if wrong is not None:
                raise ValueError(f"attributes: {attributes.named(name)} cannot be edited: {wrong}")
        return self

    @model_validator(mode="after")
    def _has_recipes(self) -> "EditsConfig":
        unknown = sorted(self.sdxl.recipes.keys() - attributes.every().keys())
        if unknown:
            raise ValueError(
                f"sdxl.recipes: unknown attribute {unknown[0]!r}; expected {', '.join(attributes.every())}"
            )
        if self.backend == "sdxl" and self.sdxl.mode == "masked":
            for attribute in self.attributes:
                self._check_recipe(attribute)
        return self

    def _check_recipe(self, attribute: str) -> None:
        settings = self.sdxl
        for arm in FEASIBILITIES:
            try:
                masked_recipe(settings.preset, settings.published, attribute, arm, settings.recipes)
            except ValidationError as error:
                problem = explain(error, recipe_model(attribute))
                raise ValueError(f"sdxl.recipes.{attribute}: {problem}") from None
