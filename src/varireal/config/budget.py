"""``budget``: what a study may take. None of it changes a result or runs anything again."""

from typing import Annotated

from pydantic import Field

from varireal.config.base import StrictModel


class BudgetConfig(StrictModel):
    """What the whole study may take; jobs stop in good order when it is reached, and go on when it is raised."""

    usd: Annotated[
        float | None,
        Field(ge=0, description="US dollars for hosted models in all, by their servers' prices; null: no limit."),
    ] = None
    gpu_hours: Annotated[
        float | None, Field(ge=0, description="Hours that jobs hold a GPU, loading included; null: no limit.")
    ] = None
    disk_gb: Annotated[
        float | None, Field(ge=0, description="Gigabytes (1e9 bytes) of the study's folder; null: no limit.")
    ] = None

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return (self.usd, self.gpu_hours, self.disk_gb) != (None, None, None)
