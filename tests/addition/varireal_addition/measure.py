"""How far the object moved. Light: numpy is imported where it is used."""

from varireal.metrics.measures import Measure
from varireal.records import Array, MeasuredEdit

SHIFT = Measure(
    column="shift",
    doc="distance between the object's centres before and after, as a share of the picture's shorter side",
    function="varireal_addition.measure:shift",
    gate="min_shift",
    gate_doc="Smallest distance that the object moved, as a share of the picture's shorter side.",
    reason="not_moved",
    label="hardly moved",
    sentence="The object is nearly where it was.",
)


def shift(edit: MeasuredEdit) -> float | None:
    """The measure; None where an outline is missing."""
    if not edit.photo_mask.any() or not edit.mask.any():
        return None
    (down, across), (down_now, across_now) = centre(edit.photo_mask), centre(edit.mask)
    return ((down - down_now) ** 2 + (across - across_now) ** 2) ** 0.5 / min(edit.mask.shape)


def centre(mask: Array) -> tuple[float, float]:
    """Mean row and column of an outline."""
    import numpy as np

    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def has_room(photo: Array, mask: Array) -> str | None:
    """Why an object cannot be moved in its photo, or None."""
    touched = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
    return "the object touches the border of the photo, so there is nowhere to move it" if touched else None
