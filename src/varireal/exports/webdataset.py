"""WebDataset: tar files of at most 1,000 samples, each sample a picture, the object's mask and the values as JSON.

A key has no dot, because WebDataset takes all that follows the first dot for the kind of the file. The same data set
gives the same bytes. The samples come setting by setting: shuffle when training.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from webdataset.writer import TarWriter

from varireal.errors import DataError
from varireal.exports.base import DatasetFolder, mask_in_edit, plain

SAMPLES_PER_TAR = 1000


def write(dataset: DatasetFolder, folder: Path) -> int:
    """Write ``train-{number}.tar`` files; see ``base.Writer``."""
    keys: set[str] = set()
    with ExitStack() as open_tar:
        writer: Any = None
        for number, row in enumerate(dataset.rows()):
            if number % SAMPLES_PER_TAR == 0:
                open_tar.close()
                file = open_tar.enter_context((folder / f"train-{number // SAMPLES_PER_TAR:06d}.tar").open("wb"))
                # PAX, because the library's default format refuses names above 100 characters
                tar = TarWriter(file, encoder=False, mtime=0, user="", group="", format="PAX_FORMAT")
                writer = open_tar.enter_context(tar)
            sample = {
                "__key__": row["candidate_id"].replace(".", "_"),
                "png": row["image"]["bytes"],
                "mask.png": mask_in_edit(row),
                "json": json.dumps(plain(row), sort_keys=True, allow_nan=False).encode(),
            }
            if sample["__key__"] in keys:
                raise DataError(f"two samples would be called {sample['__key__']!r}; run the stage dataset again")
            keys.add(sample["__key__"])
            writer.write(sample)
    return len(keys)
