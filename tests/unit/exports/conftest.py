import pytest

from varireal.store import tables
from varireal.store.schemas import dataset_schema


@pytest.fixture
def make_dataset(tmp_path):
    """Write a data set, one file per item of ``files``, and return its folder."""

    def make(*files, classes=None):
        classes = classes or {"egret": "Snowy egret", "gull": "Gull"}
        folder = tmp_path / "dataset"
        facts = {"classes": classes, "study": "demo", "noun": "bird", "license": "cc-by-4.0", "seed": 22}
        for index, rows in enumerate(files):
            path = folder / "data" / f"train-{index:05d}-of-{len(files):05d}.parquet"
            tables.write(path, rows, dataset_schema(sorted(classes)), stage="dataset", digest="d1", facts=facts)
        return folder

    return make
