"""Data files that a page opened from disk can load.

A page under ``file://`` may not fetch JSON, but it may add a script element. Each data file is therefore one call,
``varireal.page(7, {...})``, whose argument is plain JSON.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from varireal.files import write_whole

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
