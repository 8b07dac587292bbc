"""Backends by name: those of this package, one row each, and those that other packages register as entry points.

A third party adds ``[project.entry-points."varireal.editors"] mine = "my_package:MyEditor"``; then
``edits.backend: mine`` works, and ``edits.options`` are the keyword arguments of its class. What a scheduler and the
config must know without importing it stands behind its place in brackets: ``"my_package:MyEditor [gpu, wordless]"``.
Light: a backend's module is imported only when it is loaded.
"""

import importlib
import inspect
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import metadata
from typing import Any, get_type_hints

from varireal.attributes import load_point, no_such, only_point, outside_points, point_origin, problem_text
from varireal.core.marks import SOURCE_TYPES
from varireal.errors import BackendError, VariRealError

_TRAINED = "compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True, slots=True)
class Backend:
    """What the workflow and the tools know of a backend without importing it.

    The defaults are those of a backend of another package: nothing is known of it, so it is taken for one that uses
    every word, asks no server that the config knows, and makes pictures that a generative model had a part in.

    Attributes:
        place: ``module:attribute`` of its class or function.
        version: raised when it gives other results for the same input; a test keeps it equal to that of the class.
        text: what it is, in a few words, for the description of the config's key.
        extra: the extra that brings its libraries; empty when it needs none. Models of ``diffusion`` want a GPU.
        words: whether its results depend on what the classes are called or what all of them are (``images.noun``).
        hosted: whether it asks the server in its block of the config, as ``edits.openai_images.server``.
        asks: of a judge, whether it is a model of this package that gets the questions.
        seconds: of one item on a card or core of the slower half, for the time that a scheduler is asked for.
        source_type: of an editor, what IPTC calls its pictures, see ``marks.SOURCE_TYPES``.
        gpu: of another package's, whether it wants a GPU (``gpu`` in the brackets of its entry point).
        masks: of an image source, whether its photos come with masks: yes, no, or some (of those that its list names).
        path: of an image source, what ``path`` in its block must name; empty when it has none.
        zero_shot: of a learner, whether it can name classes before any training, which is then the regime zero-shot.
    """

    place: str
    version: str = "1"
    text: str = ""
    extra: str = ""
    words: bool = True
    hosted: bool = False
    asks: bool = False
    seconds: float = 15.0
    source_type: str = "compositeSynthetic"
    gpu: bool = False
    masks: str = "some"
    path: str = ""
    zero_shot: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """What backends can do, and the table of those that can.

    Attributes:
        noun: what one is called in messages.
        key: what of the config says which are chosen, as ``edits.backend``; the blocks of its backends are beside it.
        methods: what a class of another package must have.
        facts: what an object of such a class must have besides; None where a function is what is used.
        backends: those of this package by name, in the order in which the config lists them.
        models: whether its backends may be models: then the version of each makes its stage run again, and the card
            has its licence; otherwise the stage's own version stands for those of this package.
    """

    noun: str
    key: str
    methods: tuple[str, ...]
    backends: dict[str, Backend] = field(default_factory=dict)
    models: bool = True
    facts: tuple[str, ...] | None = ()

    @property
    def block(self) -> str:
        """The block of the config with the key: ``edits``."""
        return self.key.partition(".")[0]


# Seconds of edits: procedural ones took 0.02 to 0.08 s at 256 pixels (benchmarks/results/edits.json), and grow with
# the pixels. The procedural editor draws into photos without any model, so nothing of it is generative AI.
CAPABILITIES: dict[str, Capability] = {
    # the sources that are read from files and a rendered one: see ``datasets.base``
    "image_sources": Capability(
        "image source",
        "images.source",
        ("class_names", "items", "listing_digest"),
        facts=("name",),
        backends={
            "demo": Backend("varireal_demo.demo_source:DemoSource", text="rendered birds", masks="yes"),
            "folder": Backend(
                "varireal.datasets.folder:FolderSource", text="your photos", masks="no", path="the folder of photos"
            ),
            "csv": Backend("varireal.datasets.csv_list:CsvSource", text="a list", path="the list"),
            **{
                name: Backend(
                    "varireal.datasets.published:PublishedSource", masks="no", path="the folder of the data set"
                )
                for name in ("oxford_pets", "fgvc_aircraft", "stanford_cars", "waterbirds")
            },
        },
        models=False,
    ),
    "segmenters": Capability(
        "segmenter",
        "masks.chain",
        ("segment",),
        facts=("name", "version", "revision", "uses_given", "uses_names", "batch_size"),
        backends={
            "provided": Backend(
                "varireal.segmenters.provided:ProvidedSegmenter",
                text="masks that came with the photos",
                words=False,
                seconds=0.1,
            ),
            "grabcut": Backend(
                "varireal.segmenters.grabcut:GrabCutSegmenter", text="OpenCV, no weights", words=False, seconds=3.0
            ),
            "grounded_sam2": Backend(
                "varireal.segmenters.grounded_sam2:GroundedSam2Segmenter",
                text="found by name",
                extra="diffusion",
                seconds=1.0,
            ),
            "matting": Backend(
                "varireal.segmenters.matting:MattingSegmenter",
                text="an ONNX file",
                extra="diffusion",
                words=False,
                seconds=2.0,
            ),
        },
    ),
    "editors": Capability(
        "editor",
        "edits.backend",
        ("check", "edit"),
        facts=("name", "version", "revision"),
        backends={
            "procedural": Backend(
                "varireal_demo.editor:ProceduralEditor",
                text="image processing on the CPU, no weights",
                words=False,
                seconds=1.0,
                source_type="composite",
            ),
            "sdxl": Backend(
                "varireal.editors.diffusion.sdxl:SdxlEditor",
                text="the published recipes",
                extra="diffusion",
                source_type=_TRAINED,
            ),
            "instruct": Backend(
                "varireal.editors.instruct:InstructEditor",
                text="an editing model that follows an instruction",
                extra="diffusion",
                seconds=30.0,
                source_type=_TRAINED,
            ),
            "openai_images": Backend(
                "varireal.editors.openai_images:HostedEditor",
                text="a hosted editing endpoint",
                extra="llm",
                hosted=True,
                seconds=30.0,
                source_type=_TRAINED,
            ),
        },
    ),
    "judges": Capability(
        "judge",
        "verdicts.judge",
        ("judge",),
        {
            "receipt": Backend(
                "varireal.judges.gates:ReceiptJudge",
                text="what was measured on the candidate, no model",
                words=False,
                seconds=0.5,
            ),
            "vlm": Backend(
                "varireal.judges.vlm:VlmJudge",
                text="the receipt, then questions to a vision-language model",
                extra="diffusion",
                asks=True,
                seconds=5.0,
            ),
            "openai": Backend(
                "varireal.judges.hosted:HostedJudge",
                text="the same questions to a vision endpoint",
                extra="llm",
                hosted=True,
                asks=True,
                seconds=10.0,
            ),
        },
    ),
    "learners": Capability(
        "learner",
        "adapters.learner",
        ("train", "load", "probabilities"),
        facts=("fingerprint", "device"),
        backends={
            "clip": Backend(
                "varireal.classifiers.clip_lora:ClipLora",
                text="a CLIP, fine-tuned with LoRA",
                extra="clip",
                zero_shot=True,
            ),
        },
        models=False,
    ),
    "exporters": Capability(
        "exporter",
        "dataset.exports",
        ("__call__",),
        facts=None,
        backends={
            "folders": Backend("varireal.exports.folders:write", text="class folders"),
            "webdataset": Backend("varireal.exports.webdataset:write", text="tar shards", extra="webdataset"),
            "coco": Backend("varireal.exports.coco:write", text="masks", extra="coco"),
        },
        models=False,
    ),
}


def backend_names(capability: str) -> list[str]:
    """Names that the config may use for a capability, sorted."""
    return sorted({*CAPABILITIES[capability].backends, *_entry_points(capability)})


def listed_names(capability: str) -> list[str]:
    """The same, those of this package first and in the order of their table, as schemas list them."""
    return [*CAPABILITIES[capability].backends, *sorted(_entry_points(capability))]


def is_built_in(capability: str, name: str) -> bool:
    """Whether a backend is this package's own."""
    return name in CAPABILITIES[capability].backends


def known_backend(capability: str, name: str) -> Backend:
    """The row of a backend, without importing it; of another package's, what its entry point tells, and defaults.

    Raises:
        BackendError: no such backend, or its entry point has a word in brackets that means nothing.
    """
    if is_built_in(capability, name):
        return CAPABILITIES[capability].backends[name]
    point = _entry_point(capability, name)
    words = set(point.extras)
    unknown = sorted(words - {"gpu", "wordless", "zero_shot"})
    if unknown:
        raise BackendError(
            f"unknown word {unknown[0]!r} in brackets ({point_origin(point)}); expected gpu, wordless or zero_shot"
        )
    version = point.dist.version if point.dist is not None else "unknown"
    return Backend(
        point.value, version, words="wordless" not in words, gpu="gpu" in words, zero_shot="zero_shot" in words
    )


def described(capability: str) -> str:
    """The backends of this package for the description of a key; those that ask stand behind a semicolon."""
    rows = [(name, row) for name, row in CAPABILITIES[capability].backends.items() if row.text]
    groups = [[f"{name} ({row.text})" for name, row in rows if row.asks == asks] for asks in (False, True)]
    return "; ".join(", ".join(group) for group in groups if group)


def backend_origin(capability: str, name: str) -> str:
    """Package and entry point of a backend of another package, for messages."""
    return point_origin(_entry_point(capability, name))


@contextmanager
def asking(capability: str, name: str, what: str) -> Iterator[None]:
    """Say in one line which backend of which package failed at what; errors that users meet pass as they are.

    Raises:
        BackendError: a backend of another package failed.
    """
    try:
        yield
    except VariRealError:
        raise
    except Exception as error:
        if is_built_in(capability, name):
            raise
        raise BackendError(
            f"{outside_name(capability, name)} failed at {what} ({problem_text(error)}); mend its package"
        ) from error


def has_zero_shot(learner: str) -> bool:
    """Whether a learner can name classes before any training (``zero_shot`` in the brackets of its entry point).

    Nothing is imported, for the workflow has to know while it is parsed. False where its package is not installed.
    """
    return learner in backend_names("learners") and known_backend("learners", learner).zero_shot


def backend_version(capability: str, name: str) -> str:
    """Version of a backend without importing it: the class's, or for another package's the package's.

    Raises:
        BackendError: no such backend.
    """
    return known_backend(capability, name).version


def needs_gpu(capability: str, name: str) -> bool:
    """Whether a backend runs models that want a GPU."""
    row = known_backend(capability, name)
    return row.gpu or row.extra == "diffusion"


def backend_extra(capability: str, name: str) -> str:
    """The extra that brings the libraries of a backend of this package; empty when it needs none."""
    return known_backend(capability, name).extra if is_built_in(capability, name) else ""


def digital_source_type(name: str, editor: object = None) -> str:
    """Term of IPTC's vocabulary of digital source types for the pictures of an editor.

    An editor of another package may have an attribute of this name; without one its pictures are taken for composites
    with a part from a generative model: a mark too many is better than one too few.

    Raises:
        BackendError: the editor names a term that no made picture can have.
    """
    if is_built_in("editors", name):
        return known_backend("editors", name).source_type
    term = str(getattr(editor, "digital_source_type", Backend("").source_type))
    if term not in SOURCE_TYPES:
        raise BackendError(
            f"the editor {name!r} says that its pictures are {term!r}; expected one of {', '.join(SOURCE_TYPES)}"
        )
    return term


def load_backend(capability: str, name: str) -> Any:
    """Import a backend's class, and check that one of another package has what its capability needs.

    Raises:
        BackendError: no such backend, its module cannot be imported, or its class lacks a method.
    """
    if is_built_in(capability, name):
        module, _, attribute = known_backend(capability, name).place.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            extra = backend_extra(capability, name)
            cure = f"run: pip install 'varireal[{extra}]'" if extra else "install the package it needs"
            raise BackendError(f"{outside_name(capability, name)} cannot be imported ({error}); {cure}") from error
    kind = load_point(_entry_point(capability, name))
    for method in CAPABILITIES[capability].methods:
        if not callable(getattr(kind, method, None)):
            raise BackendError(
                f"{outside_name(capability, name)} has no method {method!r}; "
                f"it must have {', '.join(CAPABILITIES[capability].methods)}: see docs/code.md"
            )
    return kind


def make_outside(capability: str, name: str, options: Mapping[str, Any]) -> Any:
    """A backend of another package, with the ``options`` of its block as keyword arguments.

    Raises:
        BackendError: it cannot be loaded, does not take these options, or lacks what its capability needs.
    """
    kind, row = load_backend(capability, name), CAPABILITIES[capability]
    if row.facts is None:
        return kind
    place, who = f"{row.block}.options", outside_name(capability, name)
    wrong = _option_problem(kind, options)
    if wrong is not None:
        raise BackendError(f"{place}{wrong[0]}: {who} {wrong[1]}")
    try:
        made = kind(**options)
    except VariRealError:
        raise
    except Exception as error:
        given = ", ".join(f"{key}: {value!r}" for key, value in options.items()) or "none"
        raise BackendError(
            f"{place}: {who} cannot be made with them ({problem_text(error)}); found {given}"
        ) from error
    nowhere = object()
    # nothing is asked of it, so no model is loaded
    lacking = [fact for fact in row.facts if inspect.getattr_static(made, fact, nowhere) is nowhere]
    if lacking:
        raise BackendError(f"{who} has no {', '.join(lacking)}; docs/code.md says what {_a(row.noun)} has")
    called = inspect.getattr_static(made, "name", name) if "name" in row.facts else name
    if isinstance(called, str) and called != name:
        raise BackendError(f"{who} says that its name is {called!r}; expected {name!r}, that of its entry point")
    return made


def _option_problem(kind: Any, options: Mapping[str, Any]) -> tuple[str, str] | None:
    """The key and what is wrong with options of a class, of what its signature says; None when nothing is."""
    try:
        parameters = inspect.signature(kind).parameters
    except (TypeError, ValueError):  # a class of C code says nothing of its arguments
        return None
    named = {key: one for key, one in parameters.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    takes = f"it takes {', '.join(named) or 'none'}"
    if not any(one.kind == one.VAR_KEYWORD for one in parameters.values()):
        unknown = next((key for key in options if key not in named), None)
        if unknown is not None:
            near = get_close_matches(unknown, named, 1)
            return f".{unknown}", f"has no such option; {f'did you mean {near[0]!r}? ' if near else ''}{takes}"
    missing = next((key for key, one in named.items() if one.default is one.empty and key not in options), None)
    if missing is not None:
        return f".{missing}", f"needs this option, and it is missing; {takes}"
    wrong = ((key, _type_problem(kind, key, value)) for key, value in options.items())
    return next(((f".{key}", why) for key, why in wrong if why), None)


def _type_problem(kind: Any, key: str, value: object) -> str | None:
    """Why a value is not of the type that a class wants, as its annotation says; None without one."""
    from pydantic import PydanticUserError, TypeAdapter, ValidationError  # here: few studies use other packages

    try:
        hint = get_type_hints(kind.__init__ if inspect.isclass(kind) else kind)[key]
        TypeAdapter(hint).validate_json(json.dumps(value), strict=True)  # as the config's own keys
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        return f"found {value!r}: {message[0].lower()}{message[1:]}"
    except (PydanticUserError, NameError, TypeError, KeyError, AttributeError):
        return None  # an annotation that says nothing to be checked
    return None


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def outside_name(capability: str, name: str) -> str:
    """A backend of another package in messages, with package and entry point; of this package its name alone."""
    noun = CAPABILITIES[capability].noun
    if is_built_in(capability, name):
        return f"the {noun} {name!r}"
    return f"the {noun} {name!r} ({backend_origin(capability, name)})"


def outside_packages(used: Iterable[tuple[str, str]], others: Collection[str] = ()) -> dict[str, Any]:
    """What a table says of the other packages that it was made with, for its facts: empty without one.

    Args:
        used: capability and name of backends.
        others: names of packages that rows of other tables come from.
    """
    versions = {}
    for name in others:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    for capability, name in used:
        points = None if is_built_in(capability, name) else _entry_points(capability).get(name)
        if points and (dist := points[0].dist) is not None:
            versions[dist.name] = dist.version
    return {"packages": versions} if versions else {}


def blame(capability: str, name: str) -> str:
    """Package of a backend of another package, as the end of a reason; empty for one of this package."""
    points = None if is_built_in(capability, name) else _entry_points(capability).get(name)
    return "" if points is None else f" ({point_origin(points[0])})"


def _entry_points(capability: str) -> dict[str, list[metadata.EntryPoint]]:
    """Backends of other packages by name."""
    return outside_points(f"varireal.{capability}", CAPABILITIES[capability].backends)


def _entry_point(capability: str, name: str) -> metadata.EntryPoint:
    points = _entry_points(capability).get(name)
    if points is None:
        raise BackendError(no_such(CAPABILITIES[capability].noun, name, backend_names(capability)))
    return only_point(points)
