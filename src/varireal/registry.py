"""Backends by name: those of this package, and those that other packages register as entry points.

A third party adds ``[project.entry-points."varireal.editors"] mine = "my_package:MyEditor"``; then
``edits.backend: mine`` works, and ``edits.options`` are the keyword arguments of its class. Light: a backend's module
is imported only when it is loaded.
"""

import importlib
from importlib import metadata
from typing import Any

from varireal.errors import BackendError

_BUILT_IN: dict[str, dict[str, str]] = {
    "segmenters": {
        "provided": "varireal.segmenters.provided:ProvidedSegmenter",
        "grabcut": "varireal.segmenters.grabcut:GrabCutSegmenter",
    },
    "editors": {"procedural": "varireal.editors.procedural:ProceduralEditor"},
    "judges": {"receipt": "varireal.judges.receipt:ReceiptJudge"},
}


def backend_names(capability: str) -> list[str]:
    """Names that the config may use for a capability (segmenters, editors, judges)."""
    return sorted({*_BUILT_IN[capability], *(point.name for point in _entry_points(capability))})


def load_backend(capability: str, name: str) -> Any:
    """Import a backend's class.

    Raises:
        BackendError: no such backend, or its module needs something that is not installed.
    """
    for point in _entry_points(capability):
        if point.name == name:
            return _imported(point.value, capability, name)
    if name not in _BUILT_IN[capability]:
        raise BackendError(f"no {capability} backend {name!r}; known: {', '.join(backend_names(capability))}")
    return _imported(_BUILT_IN[capability][name], capability, name)


def _entry_points(capability: str) -> list[metadata.EntryPoint]:
    return sorted(metadata.entry_points(group=f"varireal.{capability}"), key=lambda point: point.name)


def _imported(target: str, capability: str, name: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise BackendError(
            f"the {capability} backend {name!r} cannot be imported ({error}); install the package it needs"
        ) from error
