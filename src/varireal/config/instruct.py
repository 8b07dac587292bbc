"""``edits.instruct`` and ``edits.openai_images``: edits by models that follow an instruction."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from varireal.config.asking import Name, Server, Traffic
from varireal.config.base import StrictModel
from varireal.config.machine import ModelRef

FIELD = re.compile(r"\{(\w+)\}")
# What a template may name: the prompt's name and description, its name alone, the class, and what all classes are.
FIELDS = ("prompt", "name", "class", "noun")


def _known_fields(template: str) -> str:
    unknown = [name for name in FIELD.findall(template) if name not in FIELDS]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is unknown; a template may name {', '.join(f'{{{n}}}' for n in FIELDS)}")
    if "{prompt}" not in template and "{name}" not in template:
        raise ValueError("it names neither {prompt} nor {name}, so every prompt would give the same edit")
    return template


Template = Annotated[str, Field(min_length=1), AfterValidator(_known_fields)]


class Instructions(StrictModel):
    """What a model is told, by attribute; {prompt}, {name}, {class} and {noun} are filled in."""

    background: Annotated[Template, Field(description="Instruction of background edits.")] = (
        "Change the background to {prompt}. Keep the {noun} exactly as it is."
    )
    color: Annotated[Template, Field(description="Instruction of colour edits.")] = (
        "Change the colour of the {class} {noun} to {prompt}. Keep its shape, pose and the background."
    )
    texture: Annotated[Template, Field(description="Instruction of texture edits.")] = (
        "Make the surface of the {class} {noun} look like {prompt}. Keep its shape, pose and the background."
    )


class InstructEdits(Instructions):
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


class HostedEdits(Instructions):
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
