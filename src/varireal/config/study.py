"""``study``: name, place, seed, and how the work is split; and the small blocks ``dataset``, ``report``, ``budget``.

Nothing in ``budget`` changes a result or runs anything again.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from varireal.config.base import Added, ExportName, Fraction, StrictModel, lists
from varireal.config.hosted import OpenAIPrompts
from varireal.core.registry import described

# ``prompts``: where feasible and infeasible attributes come from.


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


_SETTING = r"^([a-z0-9][a-z0-9-]*/)?[a-z][a-z0-9_]*/(feasible|infeasible)$"


class PromptsConfig(StrictModel):
    """Where the prompts come from and how many each class must have."""

    source: Annotated[
        Literal["bank", "openai"],
        Field(description="bank: a reviewed file of prompts; openai: a language model writes them."),
    ] = "bank"
    minimum: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Prompts that every class must have for each setting; fewer is an error. 0: go on with what "
            "there is.",
        ),
    ] = 1
    leave_out: Annotated[
        tuple[Annotated[str, Field(pattern=_SETTING)], ...],
        Field(
            description="Settings that get no prompts and no edits, such as those that stay short: texture/infeasible "
            "for all classes, or cup/texture/infeasible for the class with the id cup."
        ),
        Added(before=()),
    ] = ()
    bank: Annotated[BankPrompts, Field(description="Options of the source bank.")] = BankPrompts()
    openai: Annotated[OpenAIPrompts, Field(description="Options of the source openai.")] = OpenAIPrompts()

    def leaves_out(self, class_id: str, attribute: str, feasibility: str) -> bool:
        """Whether a class gets no prompts for a setting; an empty class asks for all classes."""
        name = f"{attribute}/{feasibility}"
        return name in self.leave_out or f"{class_id}/{name}" in self.leave_out


Export = Annotated[ExportName, Field(json_schema_extra=lists("exporters"))]


class DatasetConfig(StrictModel):
    """What the data card says and which exports are made."""

    exports: Annotated[
        tuple[Export, ...],
        Field(description=f"More copies of the data set: {described('exporters')}."),
    ] = ()
    license: Annotated[
        str, Field(min_length=1, max_length=200, description="Licence of the edited images, for the data card.")
    ] = "unknown"
    source_license: Annotated[
        str, Field(min_length=1, max_length=200, description="Licence of the photos, for the data card.")
    ] = "unknown"

    @model_validator(mode="after")
    def _distinct(self) -> "DatasetConfig":
        if len(set(self.exports)) != len(self.exports):
            raise ValueError("exports: an export is named twice")
        return self


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
