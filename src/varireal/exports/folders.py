"""Class folders: a folder per setting, in it a folder per class, and the values of each picture in ``metadata.jsonl``.

The layout is that of the Hugging Face ``imagefolder`` loader and of ``torchvision.datasets.ImageFolder``.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import yaml

from varireal.exports.base import DatasetFolder, plain


def write(dataset: DatasetFolder, folder: Path) -> int:
    """Write ``{attribute}-{feasibility}/{class_id}/{candidate_id}.png``; see ``base.Writer``."""
    count = 0
    lists: dict[str, IO[str]] = {}
    with ExitStack() as stack:
        for row in dataset.rows():
            setting = f"{row['attribute']}-{row['feasibility']}"
            name = f"{row['class_id']}/{row['candidate_id']}.png"
            picture = folder / setting / name
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(row["image"]["bytes"])
            if setting not in lists:
                path = folder / setting / "metadata.jsonl"
                lists[setting] = stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            lists[setting].write(json.dumps({"file_name": name, **plain(row)}, allow_nan=False) + "\n")
            count += 1
    (folder / "README.md").write_text(_readme(sorted(lists)), encoding="utf-8", newline="\n")
    return count


def _readme(settings: list[str]) -> str:
    """Front matter that names the files of each setting.

    Without it the loader guesses splits from folder names, and a class called ``steam-train`` would be one.
    """
    configs = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"{name}/**"}], "drop_labels": True}
        for name in settings
    ]
    front = yaml.safe_dump({"configs": configs}, sort_keys=False)
    return (
        f"---\n{front}---\n\n# Class folders\n\n"
        "One folder per setting, in it one per class. `metadata.jsonl` has the prompt, seed, pair and receipt of each "
        "picture.\n\n"
        '    datasets.load_dataset("path/to/this/folder", "color-feasible")\n'
    )
