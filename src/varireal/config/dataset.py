"""``dataset``: what is written besides the Parquet files."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from varireal.config.base import StrictModel

Export = Literal["folders", "webdataset", "coco"]


class DatasetConfig(StrictModel):
    """What the data card says and which exports are made."""

    exports: Annotated[
        tuple[Export, ...],
        Field(
            description="More copies of the data set: folders (class folders), webdataset (tar shards), coco (masks)."
        ),
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
