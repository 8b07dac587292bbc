"""``images``: where the photos come from and how they are read."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from varireal.config.base import Added, Fraction, ImageSourceName, Options, StrictModel, lists
from varireal.core.registry import CAPABILITIES, described, known_backend

# (class id, display name), apart from all drawing code: the config and the Snakefile read them without numpy
DEMO_CLASSES: tuple[tuple[str, str], ...] = (
    ("mallard", "mallard"),
    ("greylag-goose", "greylag goose"),
    ("grey-heron", "grey heron"),
    ("white-stork", "white stork"),
    ("flamingo", "flamingo"),
    ("scarlet-ibis", "scarlet ibis"),
    ("herring-gull", "herring gull"),
    ("common-crane", "common crane"),
)

# Raise it when the same seed gives other pictures, also when a scene changed.
DEMO_VERSION = 1


Count = Annotated[int, Field(ge=1, le=100_000)]
_SPECIES = tuple(class_id for class_id, _ in DEMO_CLASSES)


class DemoImages(StrictModel):
    """Options of ``source: demo``, the rendered bird data set."""

    species: Annotated[
        tuple[str, ...], Field(min_length=1, description=f"Species to draw: any of {', '.join(_SPECIES)}.")
    ] = _SPECIES
    size: Annotated[int, Field(ge=48, le=1024, description="Side of the square pictures, in pixels.")] = 128
    train: Annotated[Count, Field(description="Train pictures per species.")] = 12
    val: Annotated[Count, Field(description="Validation pictures per species.")] = 8
    test: Annotated[
        Count, Field(description="Pictures per species of the test set, and of each shifted test set.")
    ] = 16

    @model_validator(mode="after")
    def _known_species(self) -> "DemoImages":
        unknown = [name for name in self.species if name not in _SPECIES]
        if unknown:
            raise ValueError(f"unknown species {unknown[0]!r}; allowed: {', '.join(_SPECIES)}")
        if len(set(self.species)) != len(self.species):
            raise ValueError("a species is named twice")
        return self


class FolderImages(StrictModel):
    """Options of ``source: folder``: class folders, with or without train/val/test folders above them."""

    path: Annotated[
        str | None,
        Field(description="Photos: PATH/train/CLASS/*, PATH/test/CLASS/* (val, test_NAME optional) or PATH/CLASS/*."),
    ] = None


class CsvImages(StrictModel):
    """Options of ``source: csv``: a list with the columns path, class, and optionally split and mask."""

    path: Annotated[
        str | None, Field(description="CSV file with the columns path, class, split (optional), mask (optional).")
    ] = None
    image_root: Annotated[
        str | None, Field(description="Folder that relative paths start from; null: the folder of the CSV file.")
    ] = None


class PublishedImages(StrictModel):
    """Options of a published data set, which is read from its own lists."""

    path: Annotated[
        str | None, Field(description="Folder of the data set as it is published; 'varireal data get' says how.")
    ] = None


class PublishedWithVal(PublishedImages):
    """Options of a published data set whose val may be joined to its train."""

    val: Annotated[
        Literal["official", "from_train"],
        Field(description="official: the listed val; from_train: it joins train, and val_fraction of that is drawn."),
    ] = "official"


class ReadingConfig(StrictModel):
    """How photo files are read; part of every stage that opens one."""

    max_side: Annotated[
        int,
        Field(ge=32, le=8192, description="Photos with a longer side are scaled down to this many pixels on reading."),
    ] = 1024
    min_side: Annotated[
        int, Field(ge=2, le=8192, description="Photos with a shorter side are rejected as too_small.")
    ] = 32
    max_pixels: Annotated[
        int,
        Field(ge=1024, description="Files that claim more pixels are rejected as too_large before they are decoded."),
    ] = 100_000_000


class ImagesConfig(StrictModel):
    """Where the photos come from, how they are read and split."""

    source: Annotated[
        ImageSourceName,
        Field(
            description=f"{described('image_sources')}, or a published data set.",
            json_schema_extra=lists("image_sources"),
        ),
    ] = "demo"
    noun: Annotated[
        str, Field(min_length=1, max_length=60, description="What all the classes are: bird, pet, car ...")
    ] = "bird"
    class_names: Annotated[
        dict[str, str],
        Field(
            description="Display name by folder or CSV name, where it should differ: {yorkie: Yorkshire terrier}.",
        ),
    ] = Field(default_factory=dict)
    reading: Annotated[ReadingConfig, Field(description="How photo files are read.")] = ReadingConfig()
    near_duplicate_distance: Annotated[
        int | None,
        Field(
            ge=0,
            le=16,
            description=(
                "Two photos are near duplicates when their 64-bit perceptual hashes differ in at most so many "
                "bits; null: off."
            ),
        ),
    ] = 2
    val_fraction: Annotated[
        Fraction,
        Field(description="Share of the train photos split off as val, stratified, when there is no val folder."),
    ] = 0.15
    test_fraction: Annotated[
        Fraction, Field(description="Share of the photos split off as test, stratified, when there is no test folder.")
    ] = 0.2
    options: Annotated[Options, Added(before={})] = Field(default_factory=dict)
    demo: Annotated[DemoImages, Field(description="Options of the source demo.")] = DemoImages()
    folder: Annotated[FolderImages, Field(description="Options of the source folder.")] = FolderImages()
    csv: Annotated[CsvImages, Field(description="Options of the source csv.")] = CsvImages()
    oxford_pets: Annotated[PublishedImages, Field(description="Oxford-IIIT Pets, 37 breeds.")] = PublishedImages()
    fgvc_aircraft: Annotated[PublishedWithVal, Field(description="FGVC-Aircraft, 100 variants.")] = PublishedWithVal()
    stanford_cars: Annotated[PublishedWithVal, Field(description="Stanford Cars, 196 models.")] = PublishedWithVal()
    waterbirds: Annotated[PublishedImages, Field(description="Waterbirds, two classes.")] = PublishedImages()

    @model_validator(mode="after")
    def _source_has_path(self) -> "ImagesConfig":
        wanted = known_backend("image_sources", self.source).path
        if wanted and not getattr(self, self.source).path:
            raise ValueError(f"images.source is {self.source}, so images.{self.source}.path must name {wanted}")
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError(
                "val_fraction and test_fraction together must stay below 1: nothing would be left to train on"
            )
        return self

    def chosen(self) -> "ImagesConfig":
        """Without options of sources that are not chosen."""
        others = [name for name in CAPABILITIES["image_sources"].backends if name != self.source]
        return self.model_copy(update={name: type(self).model_fields[name].default.as_before() for name in others})
