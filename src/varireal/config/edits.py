"""``edits``: what is changed in the photos, how often, and by which editor."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from varireal.config.base import StrictModel
from varireal.config.fields import EditorName, Options

Attribute = Literal["background", "color", "texture"]


class EditsConfig(StrictModel):
    """What is changed in the train photos."""

    backend: Annotated[EditorName, Field(description="procedural: image processing on the CPU, no weights.")] = (
        "procedural"
    )
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
        int, Field(ge=1, le=256, description="Items that the editor gets together; does not change the result.")
    ] = 1

    @model_validator(mode="after")
    def _distinct(self) -> "EditsConfig":
        if len(set(self.attributes)) != len(self.attributes):
            raise ValueError("attributes: an attribute is named twice")
        return self
