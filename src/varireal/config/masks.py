"""``masks``: how the object is found in a photo, and which masks are usable."""

from typing import Annotated

from pydantic import Field, model_validator

from varireal.config.base import StrictModel
from varireal.config.fields import Fraction, Options, SegmenterName
from varireal.config.machine import ModelRef


class MaskLimitsConfig(StrictModel):
    """Limits beyond which a mask is not used; the photo's items then end as rows with the status."""

    min_area: Annotated[Fraction, Field(description="Smallest share of the photo: below it mask_tiny.")] = 0.01
    max_area: Annotated[Fraction, Field(description="Largest share of the photo: above it mask_whole_image.")] = 0.9
    max_parts: Annotated[
        int,
        Field(
            ge=1, le=100, description="Most separate parts of more than 2 % of the object: above it mask_many_parts."
        ),
    ] = 3
    max_border: Annotated[
        Fraction,
        Field(description="Largest share of the photo's border under the mask: above it mask_touches_border."),
    ] = 0.35
    min_score: Annotated[
        Fraction, Field(description="Smallest confidence of the segmenter, where it has one: below it mask_low_score.")
    ] = 0.7

    @model_validator(mode="after")
    def _ordered(self) -> "MaskLimitsConfig":
        if self.min_area >= self.max_area:
            raise ValueError(f"min_area ({self.min_area}) must be below max_area ({self.max_area})")
        return self


class GrabCutMasks(StrictModel):
    """Options of ``backend: grabcut``."""

    max_side: Annotated[
        int, Field(ge=64, le=2048, description="The mask is found at this size, in pixels, then refined.")
    ] = 320
    iterations: Annotated[int, Field(ge=1, le=20, description="Rounds of GrabCut.")] = 4


class GroundedSam2Masks(StrictModel):
    """Options of ``backend: grounded_sam2``: a detector finds the object by its name, SAM 2 its outline."""

    detector: Annotated[ModelRef, Field(description="Grounding DINO.")] = ModelRef(
        id="IDEA-Research/grounding-dino-base"
    )
    segmenter: Annotated[ModelRef, Field(description="SAM 2.1.")] = ModelRef(id="facebook/sam2.1-hiera-large")


class MattingMasks(StrictModel):
    """Options of ``backend: matting``: a background-removal model as an ONNX file, such as BiRefNet."""

    model: Annotated[ModelRef, Field(description="The ONNX file, or a hub repository and the file in it.")] = ModelRef(
        id="onnx-community/BiRefNet-ONNX", file="onnx/model.onnx"
    )


class MasksConfig(StrictModel):
    """How the object is found."""

    backend: Annotated[
        SegmenterName,
        Field(
            description=(
                "provided (masks that came with the photos), grabcut (OpenCV, no weights), grounded_sam2 (found by "
                "name), matting (an ONNX file)."
            )
        ),
    ] = "provided"
    fallback: Annotated[
        tuple[SegmenterName, ...],
        Field(description="Backends to try in turn when the one before found no usable mask; each is recorded."),
    ] = ()
    smooth_px: Annotated[
        float,
        Field(
            ge=0,
            le=50,
            description="Radius of optional smoothing, in pixels; 0 keeps the raw mask, which is always stored.",
        ),
    ] = 0.0
    limits: Annotated[MaskLimitsConfig, Field(description="Which masks are usable.")] = MaskLimitsConfig()
    options: Options = Field(default_factory=dict)
    grabcut: Annotated[GrabCutMasks, Field(description="Options of the backend grabcut.")] = GrabCutMasks()
    grounded_sam2: Annotated[GroundedSam2Masks, Field(description="Options of the backend grounded_sam2.")] = (
        GroundedSam2Masks()
    )
    matting: Annotated[MattingMasks, Field(description="Options of the backend matting.")] = MattingMasks()
