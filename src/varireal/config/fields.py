"""Field types that several config blocks share."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from varireal.registry import backend_names

Fraction = Annotated[float, Field(ge=0, le=1)]
Options = Annotated[
    dict[str, Any],
    Field(description="Keyword arguments for a backend of another package; not for built-in ones."),
]


def _known(capability: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        known = backend_names(capability)
        if name not in known:
            raise ValueError(f"unknown backend {name!r}; allowed: {', '.join(known)}")
        return name

    return check


SegmenterName = Annotated[str, AfterValidator(_known("segmenters"))]
EditorName = Annotated[str, AfterValidator(_known("editors"))]
JudgeName = Annotated[str, AfterValidator(_known("judges"))]
