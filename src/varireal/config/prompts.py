"""``prompts``: where feasible and infeasible attributes come from."""

from typing import Annotated, Literal

from pydantic import Field

from varireal.config.base import StrictModel
from varireal.config.hosted import OpenAIPrompts


class BankPrompts(StrictModel):
    """Options of ``source: bank``."""

    path: Annotated[
        str,
        Field(
            min_length=1,
            description=(
                "A bank that ships with the package (demo_birds, everyday, pets, aircraft, cars, waterbirds) or the "
                "path of your own YAML file."
            ),
        ),
    ] = "demo_birds"


class PromptsConfig(StrictModel):
    """Where the prompts come from and how many each class must have."""

    source: Annotated[
        Literal["bank", "openai"],
        Field(description="bank: a reviewed file of prompts; openai: a language model writes them."),
    ] = "bank"
    minimum: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="Prompts that every class must have for each setting; fewer is an error.",
        ),
    ] = 1
    bank: Annotated[BankPrompts, Field(description="Options of the source bank.")] = BankPrompts()
    openai: Annotated[OpenAIPrompts, Field(description="Options of the source openai.")] = OpenAIPrompts()
