"""Labels as YOLO has them: beside each picture a text file with class and box, in shares of the picture."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from varireal.exports.base import DatasetFolder


def write(dataset: DatasetFolder, folder: Path) -> int:
    """Write ``images/ID.png`` and ``labels/ID.txt``; return the number of pictures."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    count = 0
    for row in dataset.rows():
        (folder / "images" / f"{row['candidate_id']}.png").write_bytes(row["image"]["bytes"])
        outline = row["edit_mask"] or row["mask"]
        mask = np.asarray(Image.open(io.BytesIO(outline["bytes"]))) > 0
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        height, width = mask.shape
        box = (
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        line = f"{row['label']} {' '.join(f'{share:.6f}' for share in box)}\n"
        (folder / "labels" / f"{row['candidate_id']}.txt").write_text(line, encoding="utf-8")
        count += 1
    return count
