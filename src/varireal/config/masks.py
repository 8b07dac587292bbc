"""``masks``: how the object is found in a photo, and which masks are usable."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from varireal.config.base import Fraction, Options, SegmenterName, StrictModel
from varireal.config.machine import ModelRef
from varireal.core.registry import described


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
    """Options of ``backend: grounded_sam2``: a detector finds the object by its name, SAM 2 its outline.

    Prompt and thresholds are the published ones; the best box is taken and not the first.
    """

    detector: Annotated[ModelRef, Field(description="Grounding DINO.")] = ModelRef(
        id="IDEA-Research/grounding-dino-base"
    )
    segmenter: Annotated[ModelRef, Field(description="SAM 2.1.")] = ModelRef(id="facebook/sam2.1-hiera-large")
    prompt: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="What the detector looks for: with {class}, perhaps {noun}, and no full stop at the end.",
        ),
    ] = "a {noun} {class}"
    box_threshold: Annotated[Fraction, Field(description="Smallest score of a box.")] = 0.4
    text_threshold: Annotated[
        Fraction, Field(description="Smallest score of a word; a box that matches no word so well is not taken.")
    ] = 0.3
    overlap: Annotated[
        Fraction, Field(description="Boxes with more overlap (intersection over union) than this are one object.")
    ] = 0.5
    margin: Annotated[
        Fraction, Field(description="Boxes that score this little below the best one are objects as well.")
    ] = 0.1
    max_objects: Annotated[int, Field(ge=1, le=100, description="Most objects before 'several' applies.")] = 1
    several: Annotated[
        Literal["status", "best", "union"],
        Field(
            description=(
                "With more: status (mask_several_objects, not used), best (mask of the best box) or union (of all)."
            )
        ),
    ] = "status"
    refine: Annotated[
        Literal["none", "largest", "fill"],
        Field(description="none; largest: only the largest part; fill: that part without holes, as published."),
    ] = "none"

    @field_validator("prompt")
    @classmethod
    def _has_class(cls, value: str) -> str:
        rest = value.replace("{class}", "").replace("{noun}", "")
        if "{class}" not in value or set("{}.?\n") & set(rest):
            raise ValueError(
                "expected a text with {class}, perhaps {noun}, and no other braces, full stop, question mark, new line"
            )
        return value


Triple = tuple[float, float, float]


class MattingMasks(StrictModel):
    """Options of ``backend: matting``: a background-removal model as an ONNX file, such as BiRefNet."""

    model: Annotated[ModelRef, Field(description="The ONNX file, or a hub repository and the file in it.")] = ModelRef(
        id="onnx-community/BiRefNet-ONNX", file="onnx/model.onnx"
    )
    size: Annotated[
        int | None,
        Field(ge=32, le=4096, description="Side of the model's input in pixels; null: what the file says, else 1024."),
    ] = None
    mean: Annotated[Triple, Field(description="Mean of red, green, blue (0 to 1) that is subtracted.")] = (
        0.485,
        0.456,
        0.406,
    )
    std: Annotated[Triple, Field(description="Deviation of red, green, blue that is divided by.")] = (
        0.229,
        0.224,
        0.225,
    )
    output: Annotated[
        Literal["auto", "logits", "probabilities", "minmax"],
        Field(
            description=(
                "What the model gives: auto (logits if a trial leaves 0 to 1, else probabilities), or minmax "
                "(stretched to 0 to 1 in each photo, as RMBG wants it)."
            )
        ),
    ] = "auto"
    threshold: Annotated[float, Field(gt=0, lt=1, description="Where the object begins.")] = 0.5

    @field_validator("std")
    @classmethod
    def _positive(cls, value: Triple) -> Triple:
        if min(value) <= 0:
            raise ValueError(f"expected three numbers above 0, found {value}")
        return value


class MasksConfig(StrictModel):
    """How the object is found."""

    backend: Annotated[
        SegmenterName,
        Field(description=f"{described('segmenters')}."),
    ] = "provided"
    fallback: Annotated[
        tuple[SegmenterName, ...],
        Field(
            description="Backends to try in turn when the one before found no usable mask, such as [matting, grabcut]."
        ),
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

    @property
    def chain(self) -> tuple[str, ...]:
        """The backends in the order in which they are tried."""
        return (self.backend, *self.fallback)

    @model_validator(mode="after")
    def _each_once(self) -> "MasksConfig":
        twice = sorted({name for name in self.chain if self.chain.count(name) > 1})
        if twice:
            raise ValueError(f"fallback: {', '.join(twice)} is there twice; name each backend once")
        return self

    def alone(self, name: str) -> "MasksConfig":
        """What one backend needs where it does not find the study's masks but looks at edits."""
        options = {name: getattr(self, name)} if name in type(self).model_fields else {}
        return MasksConfig().as_before().model_copy(update={"backend": name, "options": self.options, **options})
