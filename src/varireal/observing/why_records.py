"""What Snakemake keeps of the last run of each output: the parameters and inputs that it had.

One JSON file per output in ``.snakemake/metadata``, called by the output's path in base 64; Snakemake 9 has no command
that prints them. Where one cannot be read, reasons are told with less detail, never wrongly.
"""

import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(".snakemake/metadata")
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Record:
    """How an output was last made.

    Attributes:
        params: values of the rule's parameters as Python writes them, without their names.
        inputs: paths.
    """

    params: tuple[str, ...]
    inputs: tuple[str, ...]

    def has(self, value: object) -> bool:
        """Whether one of the parameters had this value."""
        return repr(value) in self.params

    def starting(self, start: str) -> str | None:
        """The parameter that starts like this."""
        return next((text.strip("'") for text in self.params if text.strip("'").startswith(start)), None)


def record_place(output: str, folder: Path = FOLDER) -> Path:
    """Where Snakemake keeps the record of an output; a long name is cut into folders."""
    name = urlsafe_b64encode(output.encode()).decode()
    longest = _longest_name(folder)
    pieces = [name[start : start + longest - 1] for start in range(0, len(name), longest - 1)]
    return folder.joinpath(*(f"@{piece}" for piece in pieces[:-1]), pieces[-1])


def read_record(output: str, folder: Path = FOLDER) -> Record | None:
    """The record of an output; None when it was never made, or the record cannot be read."""
    try:
        found = json.loads(record_place(output, folder).read_text(encoding="utf-8"))
        return Record(tuple(map(str, found["params"])), tuple(map(str, found["input"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _longest_name(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX") or _LONGEST_NAME
    except (OSError, ValueError, AttributeError):
        return _LONGEST_NAME
