"""``study``: name, place, seed, and how the work is split."""

from typing import Annotated

from pydantic import Field

from varireal.config.base import StrictModel
from varireal.config.fields import Fraction


class StudyConfig(StrictModel):
    """Name, place and size of a study."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$",
            description="Name of the study and of its folder: small letters, digits, _ and -.",
        ),
    ] = "demo"
    results: Annotated[
        str,
        Field(
            pattern=r"^[^{}\n]+$",
            description="Folder of all results; the study's own is results/name inside it. No braces.",
        ),
    ] = "results"
    seed: Annotated[
        int, Field(ge=0, lt=2**31, description="Seed of the whole study; the same seed gives the same bytes.")
    ] = 22
    shards: Annotated[
        int,
        Field(
            ge=1,
            le=4096,
            description=(
                "Parts that masks, edits and verdicts are split into, one job each; the result does not depend on it."
            ),
        ),
    ] = 1
    max_failed_fraction: Annotated[
        Fraction,
        Field(description="A stage fails as a whole when more of its items failed; below it they are rows."),
    ] = 0.25
