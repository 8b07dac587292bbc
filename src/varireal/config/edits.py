"""``edits``: what is changed in the photos, how often, and by which editor."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from varireal.config.base import StrictModel, explain
from varireal.config.diffusion import DEFAULT_POOL, WITH_PRIOR, SdxlEdits
from varireal.config.fields import EditorName, Options
from varireal.config.instruct import HostedEdits, InstructEdits
from varireal.config.recipes import masked_recipe, recipe_kind
from varireal.names import ATTRIBUTES, FEASIBILITIES

Attribute = Literal["background", "color", "texture"]


def uses_pool(edits: "EditsConfig", attribute: str) -> bool:
    """Whether edits of an attribute draw their prior pictures from a pool that is made once per study."""
    sdxl = edits.sdxl
    size = sdxl.pool_size if sdxl.pool_size is not None else DEFAULT_POOL[sdxl.preset]
    return edits.backend == "sdxl" and sdxl.mode == "masked" and attribute in WITH_PRIOR and size > 0


class EditsConfig(StrictModel):
    """What is changed in the train photos."""

    backend: Annotated[
        EditorName,
        Field(
            description=(
                "procedural (image processing on the CPU, no weights), sdxl (the published recipes), instruct (an "
                "editing model that follows an instruction), openai_images (a hosted editing endpoint)."
            )
        ),
    ] = "procedural"
    options: Options = Field(default_factory=dict)
    attributes: Annotated[
        tuple[Attribute, ...],
        Field(min_length=1, description="Attributes to edit; each in a feasible and an infeasible arm."),
    ] = ("background", "color", "texture")
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
    def _has_recipes(self) -> "EditsConfig":
        unknown = sorted(self.sdxl.recipes.keys() - set(ATTRIBUTES))
        if unknown:
            raise ValueError(f"sdxl.recipes: unknown attribute {unknown[0]!r}; expected {', '.join(ATTRIBUTES)}")
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
                told = explain(error, recipe_kind(attribute))
                raise ValueError(f"sdxl.recipes.{attribute}: {told}") from None
