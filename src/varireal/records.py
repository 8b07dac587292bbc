"""Small values that backends take and give. Files hold tables; code between files holds these."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # Shapes and value ranges are stated in the docstrings.
    Array: TypeAlias = NDArray[Any]
else:
    Array = Any  # a name only, so that records can be imported without numpy

_RGB = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """One class of a study.

    Attributes:
        class_id: slug that is safe in paths and unique in the study.
        name: display name, any text; it is data and never becomes a path.
    """

    class_id: str
    name: str


def class_numbers(class_ids: Iterable[str]) -> dict[str, int]:
    """Number of each class, which is its label everywhere: its place among the sorted ids."""
    return {class_id: number for number, class_id in enumerate(sorted(class_ids))}


def class_names(classes: Mapping[str, str]) -> tuple[str, ...]:
    """Display names in the order of the class numbers, of a mapping from id to display name."""
    return tuple(classes[class_id] for class_id in sorted(classes))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to put into a photo, for one class and one setting.

    Attributes:
        prompt_id: stable identity; editing name or description keeps it.
        class_id: the class it is for.
        attribute: what is changed, such as background, color or texture.
        feasibility: feasible or infeasible.
        name: a few words ("coral reef", "hot pink", "knitted wool").
        description: one sentence, may be empty.
        source: where it came from (bank, frozen, openai, edited).
        rgb: the colour of a colour prompt as ``#rrggbb``, where the source knows it.
        model: language model that wrote it.
        judge: what the second opinion said: feasible, infeasible or unknown; empty when there was none.
        status: ``review`` when a person should look, ``approved`` when one did; else empty.
    """

    prompt_id: str
    class_id: str
    attribute: str
    feasibility: str
    name: str
    description: str = ""
    source: str = "bank"
    rgb: str = ""
    model: str = ""
    judge: str = ""
    status: str = ""

    @property
    def text(self) -> str:
        """Name and description as one text, the form that backends and digests use."""
        return f"{self.name}: {self.description}" if self.description else self.name


def is_rgb(text: str) -> bool:
    """Whether a text is a colour of the form ``#rrggbb``."""
    return _RGB.fullmatch(text) is not None


def rgb_values(text: str) -> tuple[float, float, float]:
    """SRGB in 0..1 of ``#rrggbb``."""
    red, green, blue = (int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One input file as an image source names it, before it is looked at.

    Attributes:
        key: stable name inside the source (relative path with forward slashes); any text.
        path: the file.
        class_name: display name.
        split: train, val, test or test_<name>; None when the source has no splits and one is to be drawn.
        mask_path: a mask that came with the image, if any.
    """

    key: str
    path: Path
    class_name: str
    split: str | None
    mask_path: Path | None = None


@dataclass(frozen=True, slots=True)
class MaskResult:
    """A segmenter's answer for one image.

    Attributes:
        mask: (H, W) bool, True on the object; None when nothing usable was found.
        status: ``ok`` or a value of ``names.MaskStatus``.
        reason: one sentence for a person; empty when ok.
        score: the segmenter's own confidence in 0..1, None when it has none.
        objects: how many objects of the class it saw, None when it does not count.
    """

    mask: Array | None
    status: str
    reason: str = ""
    score: float | None = None
    objects: int | None = None


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One edit to make.

    Attributes:
        class_name: display name of the photo's class.
        prior: (S, S, 3) uint8 prior picture from the setting's pool; None when there is no pool.
        image: (H, W, 3) uint8 sRGB photo.
        mask: (H, W) bool, True on the object.
        prompt: what to put in.
        seed: seed of this candidate; the same for both arms of a pair.
    """

    image: Array
    mask: Array
    prompt: Prompt
    seed: int
    class_name: str = ""
    prior: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredEdit:
    """What a measure on candidates looks at.

    Attributes:
        original: (H, W, 3) uint8 sRGB photo.
        edited: (H, W, 3) uint8 sRGB candidate, with the photo's own pixels outside the region.
        mask: (H, W) bool, the object in the candidate: the edit's own mask, else the photo's.
        region: (H, W) bool, where the edit was allowed to change pixels.
        attribute: what was edited, a name of ``attributes``.
        target_rgb: sRGB colour in 0..1 that the edit aimed at, else None.
        photo_mask: (H, W) bool, the object in the photo.
    """

    original: Array
    edited: Array
    mask: Array
    region: Array
    attribute: str
    target_rgb: tuple[float, float, float] | None
    photo_mask: Array


@dataclass(frozen=True, slots=True)
class MadeWith:
    """What a picture was made with, which the config does not say.

    Attributes:
        batch_size: items in the call.
        dtype: number format of the model.
        device: the card, or cpu.
        memory_step: what memory ran short of: empty, or the last step that was taken (half_batch, offload, tile).
        marks: what makes the picture another one than the recipe's (few_step:lcm, step_cache).
        nsfw: what the safety checker said; None without one.
    """

    batch_size: int
    dtype: str
    device: str
    memory_step: str = ""
    marks: tuple[str, ...] = ()
    nsfw: bool | None = None


@dataclass(frozen=True, slots=True)
class EditResult:
    """An editor's answer for one request.

    Attributes:
        status: ``ok`` or a value of ``names.EditStatus``.
        reason: one sentence for a person; empty when ok.
        image: (H, W, 3) uint8 sRGB, same size as the photo; None unless ok.
        region: (H, W) bool, the pixels that the edit was allowed to change; None unless ok.
        target_rgb: the sRGB colour (0..1) that a colour edit aimed at, else None.
        made_with: how it was made; None for an editor that runs no model.
        mask: (H, W) bool, not empty: the object's visible pixels in the edit, from an editor that moves, covers or
            replaces the object; None when its outline is that of the photo.
    """

    status: str
    reason: str = ""
    image: Array | None = None
    region: Array | None = None
    target_rgb: tuple[float, float, float] | None = None
    made_with: MadeWith | None = None
    mask: Array | None = None


@dataclass(frozen=True, slots=True)
class PredictionMeasure:
    """A measure on predictions: one number for each picture and seed, whose mean the report states.

    The mean gets an interval over pictures and seeds, and paired comparisons with tests, as accuracy does.

    Attributes:
        name: of the config and of tables: small letters, digits and _, such as ``brier``.
        label: name for people, such as ``Brier score``.
        doc: one sentence for the page: what it is, and its source.
        per_picture: takes probabilities (S, N, C) float of S seeds, N pictures and C classes, and the true class
            numbers (N,) int; gives (S, N) numbers. A value may depend on the other pictures of the test set, as a bin
            of a calibration error does, as long as the mean of the values is the measure.
        scale: least and largest number that a picture can have, both finite.
        direction: which end of the scale is better, ``higher`` or ``lower``.
        margin: two regimes that differ by less are as good as each other, in the unit of the measure; what the test
            of equivalence uses.
        family: Holm's correction counts the tests of all measures of a family together.
        percent: whether people read it in percent and points.
    """

    name: str
    label: str
    doc: str
    per_picture: Callable[[Array, Array], Array]
    scale: tuple[float, float]
    direction: str
    margin: float
    family: str
    percent: bool = False
