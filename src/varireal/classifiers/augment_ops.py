"""RandAugment's operations, computed only where a later crop will look.

Pictures come out as if every operation had run on the whole picture and the window had been cut out afterwards, as
published recipes do. Most operations do not need the pixels outside the window, so they do not touch them.
"""

from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.classifiers import geometric, photometric
from varireal.classifiers.geometric import Window, whole

# Identity, then where pixels are, then what they are.
GEOMETRIC = ("identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate")
ALL = (
    *GEOMETRIC,
    *("brightness", "color", "contrast", "sharpness", "posterize", "solarize", "autocontrast", "equalize"),
)
# These look at pixels outside the window: to move them in, or to count them.
_NEEDS_FRAME = frozenset({*GEOMETRIC[1:], "contrast", "autocontrast", "equalize"})
_SIGNED = frozenset({*GEOMETRIC[1:], "brightness", "color", "contrast", "sharpness"})
# torchvision's strengths at magnitude 9 of 30: 0.3 of each operation's range.
_SHARE = 9 / 30
_STRENGTH = {
    "shear_x": 0.3 * _SHARE,
    "shear_y": 0.3 * _SHARE,
    "translate_x": 150 / 331 * _SHARE,  # of the width
    "translate_y": 150 / 331 * _SHARE,  # of the height
    "rotate": 30 * _SHARE,  # degrees
    "brightness": 0.9 * _SHARE,
    "color": 0.9 * _SHARE,
    "contrast": 0.9 * _SHARE,
    "sharpness": 0.9 * _SHARE,
    "posterize": 8 - round(4 * _SHARE),  # bits that stay
    "solarize": 255 * (1 - _SHARE),  # lowest level that is inverted
}


@dataclass(frozen=True, slots=True)
class Op:
    """One drawn operation: its name in ``ALL`` and its signed strength, in the units of ``_STRENGTH``."""

    name: str
    strength: float


def draw(rng: np.random.Generator, names: tuple[str, ...], count: int) -> list[Op]:
    """Draw ``count`` operations out of ``names``, each with an even chance, at torchvision's default magnitude 9."""
    drawn = []
    for _ in range(count):
        name = names[int(rng.integers(len(names)))]
        sign = -1 if name in _SIGNED and rng.integers(2) else 1
        drawn.append(Op(name, sign * _STRENGTH.get(name, 0.0)))
    return drawn


def apply(image: Array, ops: list[Op], window: Window) -> Array:
    """Apply the operations in order to an (H, W, 3) uint8 picture and return the window of the result.

    The result may share memory with ``image``; nothing is written to it.
    """
    active = [op for op in ops if op.name != "identity"]
    last = max((n for n, op in enumerate(active) if op.name in _NEEDS_FRAME), default=-1)
    if last < 0:
        image = window.cut(image)
    for n, op in enumerate(active):
        image = _run(image, op, window if n == last else whole(image))
    return image


def _run(image: Array, op: Op, window: Window) -> Array:
    if op.name in GEOMETRIC:
        return geometric.warp(image, _matrix(op, *image.shape[:2]), window)
    part = window.cut(image)
    match op.name:
        case "brightness":
            return photometric.brightness(part, 1 + op.strength)
        case "color":
            return photometric.saturation(part, 1 + op.strength)
        case "contrast":
            return photometric.contrast(part, 1 + op.strength, frame=image)
        case "sharpness":
            return photometric.sharpness(part, 1 + op.strength)
        case "posterize":
            return photometric.posterize(part, int(op.strength))
        case "solarize":
            return photometric.solarize(part, op.strength)
        case "autocontrast":
            return photometric.autocontrast(part, frame=image)
        case "equalize":
            return photometric.equalize(part, frame=image)
    raise ValueError(f"no operation is called {op.name!r}; the known ones are {', '.join(ALL)}")


def _matrix(op: Op, height: int, width: int) -> geometric.Matrix:
    match op.name:
        case "shear_x":
            return geometric.shear_x(op.strength)
        case "shear_y":
            return geometric.shear_y(op.strength)
        case "translate_x":
            return geometric.translation(int(op.strength * width), 0)
        case "translate_y":
            return geometric.translation(0, int(op.strength * height))
        case "rotate":
            return geometric.rotation(op.strength, height, width)
    return geometric.translation(0, 0)
