"""``verdicts``: the gates that a candidate must pass to be accepted."""

from typing import Annotated

from pydantic import Field

from varireal.config.asking import Name, Server
from varireal.config.base import StrictModel
from varireal.config.fields import Fraction, JudgeName
from varireal.config.machine import ModelRef

Bound = Annotated[float, Field(ge=0)] | None


class Gates(StrictModel):
    """Limits on a candidate's receipt; null switches a gate off. A measure that is missing fails its gate."""

    min_changed: Annotated[Bound, Field(description="Smallest share of the edited region that changed visibly.")] = (
        None
    )
    max_leak: Annotated[
        Bound, Field(description="Largest change of any pixel outside the edited region, in levels of 255.")
    ] = 0.0
    max_seam: Annotated[Bound, Field(description="Largest seam score along the border of the edited region.")] = None
    min_silhouette_iou: Annotated[
        Fraction | None, Field(description="Smallest overlap of the object found again in the edit with its mask.")
    ] = None
    max_color_distance: Annotated[
        Bound, Field(description="Largest CIEDE2000 distance between the asked colour and the object's.")
    ] = None
    max_hue_distance: Annotated[
        Bound,
        Field(description="Largest distance from the asked hue in degrees; not applied to greys, which have none."),
    ] = None
    min_edge_ssim: Annotated[
        float | None,
        Field(ge=-1, le=1, description="Smallest similarity (SSIM) of the object's edges before and after."),
    ] = None


class GatesByAttribute(StrictModel):
    """One set of gates per attribute."""

    background: Annotated[Gates, Field(description="Gates of background edits.")] = Gates(
        min_changed=0.5, max_seam=0.35, min_silhouette_iou=0.65
    )
    color: Annotated[Gates, Field(description="Gates of colour edits.")] = Gates(
        min_changed=0.5, max_seam=0.6, max_color_distance=12.0, max_hue_distance=15.0, min_edge_ssim=0.25
    )
    texture: Annotated[Gates, Field(description="Gates of texture edits.")] = Gates(
        min_changed=0.5, max_seam=0.6, min_edge_ssim=0.03
    )


class VlmJudging(StrictModel):
    """Options of ``judge: vlm``: a vision-language model of transformers."""

    model: Annotated[ModelRef, Field(description="Image-text-to-text model.")] = ModelRef(
        id="Qwen/Qwen3-VL-4B-Instruct"
    )


class OpenAIJudging(StrictModel):
    """Options of ``judge: openai``: a vision endpoint."""

    model: Annotated[Name, Field(description="Model, as the server calls it.")] = "gpt-4.1-mini"
    server: Annotated[Server, Field(description="Where the server is, and how it is paid.")] = Server()


class VerdictsConfig(StrictModel):
    """Who judges the candidates, and the gates."""

    judge: Annotated[
        JudgeName,
        Field(
            description=(
                "receipt (what was measured on the candidate, no model); vlm (the receipt, then questions to a "
                "vision-language model), openai (the same questions to a vision endpoint)."
            )
        ),
    ] = "receipt"
    vlm: Annotated[VlmJudging, Field(description="Options of the judge vlm.")] = VlmJudging()
    openai: Annotated[OpenAIJudging, Field(description="Options of the judge openai.")] = OpenAIJudging()
    gates: Annotated[GatesByAttribute, Field(description="A candidate is accepted only if it passes every gate.")] = (
        GatesByAttribute()
    )
