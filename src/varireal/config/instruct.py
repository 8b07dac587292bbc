"""``edits.instruct`` and ``edits.openai_images``: edits by models that follow an instruction."""

from typing import Annotated

from pydantic import Field

from varireal.config.asking import Name, Server
from varireal.config.base import StrictModel
from varireal.config.machine import ModelRef


class InstructEdits(StrictModel):
    """Options of ``backend: instruct``: an editing model that follows an instruction."""

    model: Annotated[
        ModelRef,
        Field(description="Image-editing pipeline of diffusers: Qwen-Image-Edit, FLUX Kontext or FLUX.2 klein."),
    ] = ModelRef(id="Qwen/Qwen-Image-Edit")
    steps: Annotated[int, Field(ge=1, le=200, description="Denoising steps.")] = 30
    guidance: Annotated[float, Field(ge=0, le=50, description="Guidance (true_cfg_scale of Qwen-Image).")] = 4.0
    size: Annotated[
        int, Field(ge=32, le=2048, multiple_of=16, description="Long side at which photos are edited, in pixels.")
    ] = 1024
    background: Annotated[str, Field(min_length=1, description="Instruction of background edits.")] = (
        "Change the background to {prompt}. Keep the {noun} exactly as it is."
    )
    color: Annotated[str, Field(min_length=1, description="Instruction of colour edits.")] = (
        "Change the colour of the {class} {noun} to {prompt}. Keep its shape, pose and the background."
    )
    texture: Annotated[str, Field(min_length=1, description="Instruction of texture edits.")] = (
        "Make the surface of the {class} {noun} look like {prompt}. Keep its shape, pose and the background."
    )
    negative: Annotated[str, Field(description="Negative prompt, where the pipeline takes one.")] = (
        "deformed, low quality, watermark, text"
    )
    step_cache: Annotated[bool, Field(description="Cache steps where the model can; changes the pictures.")] = False


class HostedEdits(StrictModel):
    """Options of ``backend: openai_images``: a hosted endpoint for editing pictures."""

    model: Annotated[Name, Field(description="Model, as the server calls it.")] = "gpt-image-1"
    size: Annotated[str, Field(pattern=r"^(auto|\d+x\d+)$", description="Size that is asked for.")] = "1024x1024"
    quality: Annotated[str | None, Field(min_length=1, description="Quality that is asked for; null: not sent.")] = (
        "medium"
    )
    send_mask: Annotated[bool, Field(description="Send the mask of what may change.")] = True
    usd_per_image: Annotated[
        float | None, Field(ge=0, description="Price of one picture, for plan and budget; null: unknown.")
    ] = None
    background: Annotated[str, Field(min_length=1, description="Instruction of background edits.")] = (
        InstructEdits().background
    )
    color: Annotated[str, Field(min_length=1, description="Instruction of colour edits.")] = InstructEdits().color
    texture: Annotated[str, Field(min_length=1, description="Instruction of texture edits.")] = InstructEdits().texture
    server: Annotated[Server, Field(description="Where the server is, and how it is paid.")] = Server()
