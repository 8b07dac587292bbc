"""Data files that a page opened from disk can load, and removing those that an earlier report left.

A page under ``file://`` may not fetch JSON, but it may add a script element. Each data file is therefore one call,
``varireal.page(7, {...})``, whose argument is plain JSON. Files of others are never removed.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from varireal.core.files import write_whole

SIGNIFICANT_DIGITS = 5


def script_json(value: Any) -> str:
    """Write a value as JSON that is safe inside an HTML script element and as a JavaScript expression.

    Everything outside ASCII is escaped, and so are the characters that could end the element or open a comment. Keys
    of mappings must be names of this package, never data: ``__proto__`` is special in JavaScript.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_name(kind: str, number: int) -> str:
    """Return the file name of one data file, for example ``page-00007.js``; ``store.js`` builds the same."""
    return f"{kind}-{number:05d}.js"


def write_script(folder: Path, kind: str, number: int, payload: Mapping[str, Any]) -> None:
    """Write one data file as a call of ``varireal.<kind>``."""
    text = f"varireal.{kind}({number},{script_json(payload)});\n"
    write_whole(folder / script_name(kind, number), text.encode("ascii"))


def rounded(value: float | None) -> float | None:
    """Shorten a number for display; what is not a finite number is null."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


TABLES, FIGURES = "tables", "figures"

_OWN = {
    TABLES: re.compile(
        r"(accuracies|differences|per_seed|per_class|confusion|learning_curves|measures|measure_[a-z0-9_]+)"
        r"\.(csv|parquet|tex)"
    ),
    FIGURES: re.compile(r"(forest|accuracy|learning_accuracy|learning_loss|(forest|confusion)-[a-z0-9-]+)\.(svg|png)"),
}


def remove_stale_data(data: Path, *, pages: int, chunks: int, counts: int) -> None:
    """Remove data files that a larger gallery left.

    Args:
        data: folder of the data files.
        pages: page files that were written now.
        chunks: index files that were written now.
        counts: files of counts by class that were written now.
    """
    written = {"page": pages, "detail": pages, "index": chunks, "counts": counts}
    for kind, count in written.items():
        keep = {script_name(kind, number) for number in range(count)}
        for path in data.glob(f"{kind}-[0-9][0-9][0-9][0-9][0-9].js"):
            if path.name not in keep:
                path.unlink()


def remove_stale_files(folder: Path, written: Collection[str]) -> None:
    """Remove tables and figures of an earlier report that this one does not have.

    Args:
        folder: folder of the report.
        written: addresses relative to it that were written now, such as ``figures/forest.svg``.
    """
    for name, pattern in _OWN.items():
        for path in (folder / name).glob("*"):
            if pattern.fullmatch(path.name) and f"{name}/{path.name}" not in written:
                path.unlink()
