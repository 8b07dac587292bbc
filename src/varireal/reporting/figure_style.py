"""How figures for a paper look, and how they are written: the same numbers give the same bytes.

White background, one type size that is legible at column width, the colours of Okabe and Ito; what matters differs in
shape too. Text is drawn as outlines, so that a figure looks the same in every program; DejaVu comes with matplotlib.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from varireal.files import whole_file
from varireal.reporting.wording import one_line
from varireal.statistics.records import Finding

COLUMN, PAGE = 3.5, 7.2
"""Widths of one column and of a page of text, in inches."""

INK, SOFT, LINE, BAND = "#1b1b1b", "#595959", "#c8c8c8", "#e6e6e6"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

FINDING_MARKS: dict[Finding, dict[str, Any]] = {
    Finding.HIGHER: {"marker": ">", "color": BLUE, "markerfacecolor": BLUE},
    Finding.LOWER: {"marker": "<", "color": ORANGE, "markerfacecolor": ORANGE},
    Finding.EQUIVALENT: {"marker": "s", "color": GREEN, "markerfacecolor": GREEN},
    Finding.UNDECIDED: {"marker": "o", "color": SOFT, "markerfacecolor": "white"},
}

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "text.parse_math": False,  # a dollar in a class name is a dollar
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "varireal",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

_NO_DATES = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw and write in the style of a paper; the settings of the process come back afterwards."""
    with mpl.rc_context(), warnings.catch_warnings():
        # letters that the font lacks are drawn as boxes; a log full of them helps nobody
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches; its parts are fitted when it is written."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, folder: Path, name: str) -> list[str]:
    """Write a figure as SVG and PNG; return the names of the files."""
    for kind, metadata in _NO_DATES.items():
        with whole_file(folder / f"{name}.{kind}") as part:
            figure.savefig(part, format=kind, metadata=metadata, dpi=300)
    return [f"{name}.{kind}" for kind in _NO_DATES]


def short(text: str, limit: int = 44) -> str:
    """Return text on one line, cut to what an axis has room for."""
    line = one_line(text)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def bare(axes: Any, *sides: str) -> None:
    """Remove sides of the frame of a plot and the ticks of a removed left side."""
    for side in sides:
        axes.spines[side].set_visible(False)
    if "left" in sides:
        axes.tick_params(axis="y", length=0)
