"""One file that stands for the prompts of all classes.

Every job of edits depends on every class's prompts. With 200 classes and 5,000 jobs that is two million files for the
workflow to look at; through this one file it is 5,000.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from varireal.files import write_whole
from varireal.seeds import digest


def gather(*, records: Sequence[Path], output: Path) -> int:
    """Write the digest of each class's record.

    Args:
        records: what the stage prompts said of each class's file.
        output: JSON file, class id to digest.
    """
    found = {path.stem: digest(path.read_text("utf-8"), size=8) for path in records}
    write_whole(output, json.dumps(found, sort_keys=True) + "\n")
    return 0
