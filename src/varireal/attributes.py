"""The table of attributes: what an edit may change, and all that the rest of the code asks about it. Light.

One row is one attribute. Another package adds a row by an entry point::

    [project.entry-points."varireal.attributes"]
    weather = "my_package:WEATHER"

``WEATHER`` is an ``Attribute`` whose ``name`` is that of the entry point. Its module is imported while the workflow is
parsed, by every process: it must not import numpy, torch or anything else that is heavy, and of this package only
``varireal.attributes``, ``errors``, ``names`` and ``records``. Functions are therefore named by their place, as text.
The table is read once in a process.
"""

import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib import import_module, metadata
from typing import Any, TypeVar

from varireal.errors import BackendError

T = TypeVar("T")

OBJECT, BACKGROUND, WHOLE, MOVED, LOCAL = "object", "background", "whole", "moved", "local"
REGIONS = (OBJECT, BACKGROUND, WHOLE, MOVED, LOCAL)
PRIOR, COLOR = "prior", "color"
NEEDS = (PRIOR, COLOR)

# Studies were finished when these were all; what came later must not change them (see ``uncounted``).
PUBLISHED_ATTRIBUTES = ("background", "color", "texture")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Words that mean something else beside the names of attributes: in regimes, banks, prompt files, files of questions
# and recipes, and in the blocks of the editors that have one instruction per attribute. A test keeps the list whole.
RESERVED = frozenset(
    (
        *("all", "mixed", "feasible", "infeasible"),
        *("class_id", "class_name", "origin", "removed", "generated", "instruction", "common", "plain"),
        *("model", "inpaint", "steps", "strength", "guidance", "size", "negative", "step_cache"),
        *("quality", "fidelity", "send_mask", "server"),
    )
)


FIELD = re.compile(r"\{(\w+)\}")
# What an instruction may name: the prompt's name and description, its name alone, the class, and what all classes are.
FIELDS = ("prompt", "name", "class", "noun")


def template_problem(template: str) -> str | None:
    """What is wrong with the template of an instruction; None when nothing is."""
    unknown = [name for name in FIELD.findall(template) if name not in FIELDS]
    if unknown:
        return f"{{{unknown[0]}}} is unknown; a template may name {', '.join(f'{{{n}}}' for n in FIELDS)}"
    if "{prompt}" not in template and "{name}" not in template:
        return "it names neither {prompt} nor {name}, so every prompt would give the same edit"
    return None


@dataclass(frozen=True, slots=True)
class PromptWording:
    """What a language model is told about the prompts of an attribute; {noun} is what all classes are.

    Attributes:
        many: what is to be written: "Write 10 different feasible [backgrounds]".
        feasible: what those of the feasible arm are: "[places in which it really occurs]".
        infeasible: what those of the infeasible arm are.
        more: sentences that follow; may be empty.
        each: what one prompt is to whoever judges it: "Each prompt is a [place in which it is]".
    """

    many: str
    feasible: str
    infeasible: str
    each: str
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One row of the table.

    Attributes:
        name: in the config, in paths and in tables: small letters, digits and "_".
        title: for texts such as "colour edits".
        region: what an edit may change: ``object``, ``background`` or ``whole`` picture; ``moved`` (the object gets
            another place or outline) and ``local`` (a part that the editor chooses): then the editor says where.
        needs: what an edit starts from besides photo and mask: ``prior`` (a picture of what the prompt says) or
            ``color`` (the prompt names one colour).
        measures: columns that are measured on its candidates, see ``metrics.measures``.
        gates: default limits by the name of the gate; None switches one off that is on by itself.
        instruction: what an editor that follows instructions is told; {prompt}, {name}, {class} and {noun} are filled
            in. Empty: such an editor cannot make it.
        wording: how prompts are asked for; None: a language model cannot write them.
        questions: what a judge asks, in the form of ``assets/judging/default.yaml``, for an attribute that this file
            has no section about.
        recipe: place of its recipe for SDXL, a subclass of ``config.edits.MaskedRecipe``; empty: SDXL cannot make it.
        applies: place of a function that gets the photo, (H, W, 3) uint8, and the object's mask, (H, W) bool, and says
            in one sentence why the attribute cannot be applied to it, or None. Empty: to every photo it can. It is
            asked when an edit is to be made; what is made already stays.
    """

    name: str
    title: str
    region: str
    needs: tuple[str, ...] = ()
    measures: tuple[str, ...] = ("changed_fraction", "leak_max", "leak_mean", "seam_score")
    gates: Mapping[str, float | None] = field(default_factory=dict)
    instruction: str = ""
    wording: PromptWording | None = None
    questions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    recipe: str = ""
    applies: str = ""


_BUILT_IN = (
    Attribute(
        name="background",
        title="background",
        region=BACKGROUND,
        needs=(PRIOR,),
        measures=("changed_fraction", "leak_max", "leak_mean", "seam_score", "silhouette_iou"),
        gates={"min_changed": 0.5, "max_seam": 0.35, "min_silhouette_iou": 0.65},
        instruction="Change the background to {prompt}. Keep the {noun} exactly as it is.",
        wording=PromptWording(
            many="backgrounds",
            feasible="places in which it really occurs",
            infeasible="places in which it can never be",
            each="place in which it is",
            more="Describe the place alone. Do not mention the class, the noun, or any animal, person or vehicle.",
        ),
        recipe="varireal.config.edits:BackgroundRecipe",
    ),
    Attribute(
        name="color",
        title="colour",
        region=OBJECT,
        needs=(COLOR,),
        measures=(
            *("changed_fraction", "leak_max", "leak_mean", "seam_score"),
            *("color_distance", "hue_distance", "edge_ssim"),
        ),
        gates={
            "min_changed": 0.5,
            "max_seam": 0.6,
            "max_color_distance": 12.0,
            "max_hue_distance": 15.0,
            "min_edge_ssim": 0.25,
        },
        instruction=("Change the colour of the {class} {noun} to {prompt}. Keep its shape, pose and the background."),
        wording=PromptWording(
            many="colours of the whole {noun}",
            feasible="colours that real examples of the class have",
            infeasible="colours that no real example of the class has",
            each="colour of it",
            more='Each name is one nameable colour such as "sandy brown" or "hot pink"; rgb is that colour.',
        ),
        recipe="varireal.config.edits:ColorRecipe",
    ),
    Attribute(
        name="texture",
        title="texture",
        region=OBJECT,
        needs=(PRIOR,),
        measures=("changed_fraction", "leak_max", "leak_mean", "seam_score", "edge_ssim"),
        gates={"min_changed": 0.5, "max_seam": 0.6, "min_edge_ssim": 0.03},
        instruction=(
            "Make the surface of the {class} {noun} look like {prompt}. Keep its shape, pose and the background."
        ),
        wording=PromptWording(
            many="surface textures or patterns of the whole {noun}",
            feasible="ones that real examples of the class have",
            infeasible="ones that no real example of the class has",
            each="surface texture or pattern of it",
        ),
        recipe="varireal.config.edits:TextureRecipe",
    ),
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table that other packages add to.

    Attributes:
        packages: package and entry point of each row that is not this package's, by its name.
        broken: why a row cannot be used, by its name; whoever wants it is told.
    """

    packages: Mapping[str, str]
    broken: Mapping[str, str]


def add_rows(group: str, kind: type[T], rows: dict[str, T], problem: Callable[[str, T], str | None]) -> Rows:
    """Add the rows of other packages to a table, sorted by name.

    A row that cannot be used is left out: studies that do not use it must run. A name of this package stays its own.

    Args:
        group: of entry points.
        kind: what a row is.
        rows: those that are there, by name; it is added to.
        problem: says what is wrong with a row of a name, or None.
    """
    packages: dict[str, str] = {}
    broken: dict[str, str] = {}
    for name, points in outside_points(group, rows).items():
        packages[name] = package_of(points[0])
        try:
            row = load_point(only_point(points))
            wrong = problem(name, row) if isinstance(row, kind) else f"{points[0].value} is no {kind.__name__}"
        except BackendError as error:
            broken[name] = str(error)
            continue
        except Exception as error:  # noqa: BLE001 - a row may hold anything, and this package must start
            wrong = f"its values cannot be read ({problem_text(error)})"
        if wrong is None:
            rows[name] = row
        else:
            broken[name] = f"{wrong} ({point_origin(points[0])})"
    return Rows(packages, broken)


def outside_points(group: str, built_in: Container[str]) -> dict[str, list[metadata.EntryPoint]]:
    """Entry points of other packages by name, sorted; one that takes the name of a built-in is not seen.

    Args:
        group: such as ``varireal.editors``.
        built_in: names of this package.
    """
    points: dict[str, list[metadata.EntryPoint]] = {}
    for point in sorted(metadata.entry_points(group=group), key=lambda point: (point.name, point.value)):
        if point.name not in built_in:
            points.setdefault(point.name, []).append(point)
    return points


def package_of(point: metadata.EntryPoint) -> str:
    """Name of the package that registered an entry point."""
    return point.dist.name if point.dist is not None else "an unknown package"


def point_origin(point: metadata.EntryPoint) -> str:
    """Who registered an entry point, for messages."""
    version = f" {point.dist.version}" if point.dist is not None else ""
    return f"package {package_of(point)}{version}, entry point {point.value} of {point.group}"


def problem_text(error: BaseException) -> str:
    """Kind and words of an error of another package, on one line."""
    visible = (each if each.isprintable() else " " for each in f"{type(error).__name__}: {error}")
    return " ".join("".join(visible).split())[:300].rstrip(": ")


def only_point(points: Sequence[metadata.EntryPoint]) -> metadata.EntryPoint:
    """The entry point of a name.

    Raises:
        BackendError: two packages have the name.
    """
    if len({point.value for point in points}) > 1:
        owners = " and ".join(map(point_origin, points))
        raise BackendError(f"{points[0].name!r} is there twice ({owners}); uninstall one of the packages")
    return points[0]


def load_point(point: metadata.EntryPoint) -> Any:
    """What an entry point gives; whatever goes wrong there is told in one line.

    Raises:
        BackendError: it cannot be imported.
    """
    try:
        return point.load()
    except Exception as error:  # a module of somebody else may raise anything
        raise BackendError(
            f"{point.name!r} cannot be imported ({problem_text(error)}, {point_origin(point)}); install what its "
            "package needs, or mend the package"
        ) from error


def no_such(kind: str, name: object, known: Iterable[str]) -> str:
    """What to say about a name of the config that is in no table: the nearest ones, and where others come from."""
    names = list(known)
    near = get_close_matches(str(name), names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {kind} {name!r}; {hint}known: {', '.join(names)}; or install the package that brings it"


@cache
def _table() -> tuple[dict[str, Attribute], Rows]:
    rows = {row.name: row for row in _BUILT_IN}
    return rows, add_rows("varireal.attributes", Attribute, rows, _problem)


def _problem(name: str, row: Attribute) -> str | None:
    if row.name != name:
        return f"the row is called {row.name!r}; give both the same name"
    if not _NAME.fullmatch(name) or name in RESERVED:
        return f"{name!r} cannot be the name of an attribute; take another one of small letters, digits and '_'"
    texts, several = ("title", "instruction"), ("needs", "measures")
    kinds: dict[str, Any] = {**dict.fromkeys(texts, str), **dict.fromkeys(several, tuple)}
    kinds |= {"gates": dict, "questions": dict, "wording": PromptWording | None}
    for key, kind in kinds.items():
        if not isinstance(getattr(row, key), kind):
            return f"{key} is {getattr(row, key)!r}; expected {kind}"
    if row.region not in REGIONS:
        return f"region is {row.region!r}; expected one of {', '.join(REGIONS)}"
    odd = next((need for need in row.needs if need not in NEEDS), None)
    if odd is not None:
        return f"needs has {odd!r}; expected some of {', '.join(NEEDS)}"
    if row.instruction and (wrong := template_problem(row.instruction)) is not None:
        return f"instruction: {wrong}"
    places = {key: getattr(row, key) for key in ("recipe", "applies")}
    odd = next((key for key, place in places.items() if place and not is_place(place)), None)
    return f"{odd} is {places[odd]!r}; expected a place such as 'my_package.module:name'" if odd else None


def is_place(text: object) -> bool:
    """Whether a text names a place such as ``package.module:name``."""
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text) is not None


@cache
def at_place(place: str) -> Any:
    """What is at a place such as ``package.module:name``; its module is imported.

    Raises:
        BackendError: there is nothing.
    """
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # a module of another package may raise anything
        raise BackendError(
            f"{place} cannot be imported ({problem_text(error)}); install or mend the package that names it"
        ) from error


def function_at(place: str, who: str) -> Any:
    """The function at a place.

    Args:
        place: such as ``package.module:name``.
        who: the row that names it, with its package, for messages.

    Raises:
        BackendError: there is none.
    """
    try:
        function = at_place(place)
    except BackendError as error:
        raise BackendError(f"{who}: {error}") from error
    if not callable(function):
        raise BackendError(
            f"{who}: {place} is of type {type(function).__name__}, expected a function; mend the package"
        )
    return function


def check_places(name: str) -> None:
    """Whether what the row of an attribute of another package names is there.

    Raises:
        BackendError: it is not.
    """
    row = attribute_row(name)
    for place in (row.applies, row.recipe) if name in _table()[1].packages else ():
        if place:
            function_at(place, f"the attribute {named(name)}")


def every() -> Mapping[str, Attribute]:
    """All attributes by name, in the order of display: those of this package, then those of others."""
    return _table()[0]


def named(name: str) -> str:
    """The name of an attribute, with the package that it comes from."""
    package = _table()[1].packages.get(name)
    return repr(name) if package is None else f"{name!r} (package {package}, entry point {name!r})"


def packages(names: Iterable[str]) -> set[str]:
    """Names of the packages that some attributes come from; of this package none."""
    known = _table()[1].packages
    return {known[name] for name in names if name in known}


def broken() -> Mapping[str, str]:
    """Attributes of other packages that cannot be used, with the reason."""
    return _table()[1].broken


def attribute_row(name: str) -> Attribute:
    """The row of an attribute.

    Raises:
        BackendError: there is none; the message names the nearest one.
    """
    row = every().get(name)
    if row is None:
        raise BackendError(unknown(name))
    return row


def unknown(name: str) -> str:
    """What to say about a name that is no attribute that can be used."""
    if name in broken():
        return f"the attribute {name!r} cannot be used: {broken()[name]}"
    return no_such("attribute", name, every())


def with_need(need: str) -> tuple[str, ...]:
    """Names of the attributes whose edits start from a need."""
    return tuple(name for name, row in every().items() if need in row.needs)


def uncounted(attributes: Collection[str]) -> frozenset[str]:
    """Attributes that came later and that a study does not edit: what files and config say of them is not its own.

    Args:
        attributes: those that the study edits.
    """
    return frozenset(every()) - frozenset(PUBLISHED_ATTRIBUTES) - frozenset(attributes)
