"""Backends by name: those of this package, and those that other packages register as entry points.

A third party adds ``[project.entry-points."varireal.editors"] mine = "my_package:MyEditor"``; then
``edits.backend: mine`` works, and ``edits.options`` are the keyword arguments of its class. Light: a backend's module
is imported only when it is loaded.
"""

import importlib
from importlib import metadata
from typing import Any

from varireal.core.marks import SOURCE_TYPES
from varireal.errors import BackendError

# capability: name: (place of the class, its version, the extra that brings its libraries). A test keeps the versions
# equal to those of the classes.
_BUILT_IN: dict[str, dict[str, tuple[str, str, str]]] = {
    "segmenters": {
        "provided": ("varireal.segmenters.provided:ProvidedSegmenter", "1", ""),
        "grabcut": ("varireal.segmenters.grabcut:GrabCutSegmenter", "1", ""),
        "grounded_sam2": ("varireal.segmenters.grounded_sam2:GroundedSam2Segmenter", "1", "diffusion"),
        "matting": ("varireal.segmenters.matting:MattingSegmenter", "1", "diffusion"),
    },
    "editors": {
        "procedural": ("varireal_demo.editor:ProceduralEditor", "1", ""),
        "sdxl": ("varireal.editors.diffusion.sdxl:SdxlEditor", "1", "diffusion"),
        "instruct": ("varireal.editors.instruct:InstructEditor", "1", "diffusion"),
        "openai_images": ("varireal.editors.openai_images:HostedEditor", "1", "llm"),
    },
    # The demo's photos are painted; no other package can add a source of images yet.
    "image_sources": {
        "demo": ("varireal_demo.birds_source:render_photos", "1", ""),
    },
    "judges": {
        "receipt": ("varireal.judges.gates:ReceiptJudge", "1", ""),
        "vlm": ("varireal.judges.vlm:VlmJudge", "1", "diffusion"),
        "openai": ("varireal.judges.hosted:HostedJudge", "1", "llm"),
    },
}

# What IPTC calls a picture that an editor made, see ``marks.SOURCE_TYPES``. The procedural editor draws into photos
# without any model, so nothing of it is generative AI: a composite.
_SOURCE_TYPES = {
    "procedural": "composite",
    "sdxl": "compositeWithTrainedAlgorithmicMedia",
    "instruct": "compositeWithTrainedAlgorithmicMedia",
    "openai_images": "compositeWithTrainedAlgorithmicMedia",
}


def backend_names(capability: str) -> list[str]:
    """Names that the config may use for a capability (segmenters, editors, judges)."""
    return sorted({*_BUILT_IN[capability], *(point.name for point in _entry_points(capability))})


def is_built_in(capability: str, name: str) -> bool:
    """Whether a backend is this package's own."""
    return name in _BUILT_IN[capability]


def backend_version(capability: str, name: str) -> str:
    """Version of a backend without importing it: the class's, or for another package's the package's.

    Raises:
        BackendError: no such backend.
    """
    if is_built_in(capability, name):
        return _BUILT_IN[capability][name][1]
    distribution = _entry_point(capability, name).dist
    return distribution.version if distribution is not None else "unknown"


def needs_gpu(capability: str, name: str) -> bool:
    """Whether a backend of this package runs models that want a GPU."""
    return backend_extra(capability, name) == "diffusion"


def backend_extra(capability: str, name: str) -> str:
    """The extra that brings the libraries of a backend of this package; empty when it needs none."""
    return _BUILT_IN[capability][name][2] if is_built_in(capability, name) else ""


def digital_source_type(name: str, editor: object = None) -> str:
    """Term of IPTC's vocabulary of digital source types for the pictures of an editor.

    An editor of another package may have an attribute of this name; without one its pictures are taken for composites
    with a part from a generative model: a mark too many is better than one too few.

    Raises:
        BackendError: the editor names a term that no made picture can have.
    """
    if is_built_in("editors", name):
        return _SOURCE_TYPES[name]
    term = str(getattr(editor, "digital_source_type", "compositeSynthetic"))
    if term not in SOURCE_TYPES:
        raise BackendError(
            f"the editor {name!r} says that its pictures are {term!r}; expected one of {', '.join(SOURCE_TYPES)}"
        )
    return term


def load_backend(capability: str, name: str) -> Any:
    """Import a backend's class.

    Raises:
        BackendError: no such backend, or its module needs something that is not installed.
    """
    try:
        if not is_built_in(capability, name):
            return _entry_point(capability, name).load()
        module, _, attribute = _BUILT_IN[capability][name][0].partition(":")
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BackendError(
            f"the {capability} backend {name!r} cannot be imported ({error}); {_cure(capability, name)}"
        ) from error


def _cure(capability: str, name: str) -> str:
    extra = backend_extra(capability, name)
    return f"run: pip install 'varireal[{extra}]'" if extra else "install the package it needs"


def _entry_points(capability: str) -> list[metadata.EntryPoint]:
    """Backends of other packages; one that takes the name of a built-in is not seen."""
    points = metadata.entry_points(group=f"varireal.{capability}")
    return sorted((p for p in points if not is_built_in(capability, p.name)), key=lambda point: point.name)


def _entry_point(capability: str, name: str) -> metadata.EntryPoint:
    for point in _entry_points(capability):
        if point.name == name:
            return point
    raise BackendError(f"no {capability} backend {name!r}; known: {', '.join(backend_names(capability))}")
