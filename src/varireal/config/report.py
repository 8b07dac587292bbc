"""``report``: the page of pictures."""

from typing import Annotated

from pydantic import Field

from varireal.config.base import StrictModel


class ReportConfig(StrictModel):
    """How the report looks."""

    title: Annotated[str, Field(min_length=1, max_length=200, description="Title of the page.")] = (
        "Does feasibility matter?"
    )
    thumbnail_px: Annotated[
        int, Field(ge=64, le=1024, description="Longest side of the pictures in the page, in pixels.")
    ] = 192
    page_size: Annotated[int, Field(ge=10, le=1000, description="Candidates per data file of the page.")] = 60
    max_pairs: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="Most pairs that the page shows. Of a larger study so many are drawn, evenly over classes, "
            "and within a class over attributes and outcomes; counts are of the whole study.",
        ),
    ] = 4000
