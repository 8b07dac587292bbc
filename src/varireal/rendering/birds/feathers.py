"""Feathers on a surface: noise look-ups, roof-tile rows of feathers, their relief, edges and shade."""

from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.rendering.noise import field, sample
from varireal.rendering.shading import smoothstep


@dataclass(frozen=True, slots=True)
class Site:
    """N pixels of one part that are to be painted.

    Attributes:
        surface: (N, 4) surface coordinates of the part.
        points: (N, 3) places in the bird's space.
        footprint: pixels per unit, which decides what detail can be shown.
        offset: (4,) random numbers that shift the noise.
    """

    surface: Array
    points: Array
    footprint: float
    offset: Array


@dataclass(frozen=True, slots=True)
class Coat:
    """What shading needs to know of N pixels: albedo (N, 3), relief (N,) in units, gloss (N,), sheen (N,)."""

    albedo: Array
    relief: Array
    gloss: Array
    sheen: Array


@dataclass(frozen=True, slots=True)
class Feathers:
    """A point's place in overlapping rows of feathers, (N,) each.

    Attributes:
        along: 0 where the feather leaves the skin, 1 at its tip.
        across: -0.5..0.5 over its width.
        number: a random value in 0..1 per feather.
        to_tip: distance to its free edge, in rows.
        shade: 1 just behind the edge of the feather that lies over it, else near 0.
    """

    along: Array
    across: Array
    number: Array
    to_tip: Array
    shade: Array


def blend(a: Array, b: Array, t: Array) -> Array:
    """Blend colours ``a`` to ``b``, each (N, 3) or (3,), by ``t`` (N,)."""
    blended: Array = (a + (b - a) * t[:, None]).astype(np.float32)
    return blended


def lookup(kind: str | Array, u: Array, v: Array) -> Array:
    """Sample a noise field, by name or itself, at flat coordinates (N,)."""
    columns = 256
    rows = -(-len(u) // columns)
    padded = np.zeros((2, rows * columns), np.float32)
    padded[0, : len(u)], padded[1, : len(u)] = u, v
    texture = field(kind) if isinstance(kind, str) else kind
    return sample(texture, padded[0].reshape(rows, columns), padded[1].reshape(rows, columns)).ravel()[: len(u)]


def lay(p: Array, q: Array, *, bulge: float = 0.5) -> Feathers:
    """Cover the plane with roof-tile rows of feathers, one per unit; tips point to larger ``p``.

    Rows with smaller ``p`` lie on top; neighbouring rows are shifted by half a feather. ``bulge`` is
    how round tips are.
    """
    row = np.floor(p)
    part = p - row

    def across(of: Array) -> tuple[Array, Array]:
        shifted = q + 0.5 * (of % 2)
        column = np.floor(shifted)
        return shifted - column - 0.5, column

    upper, upper_column = across(row - 1)
    lower, lower_column = across(row)
    edge = bulge * (1 - 4 * upper * upper)
    top = part < edge
    at = np.where(top, upper, lower)
    number = np.where(top, (row - 1) * 57.31 + upper_column * 131.7, row * 57.31 + lower_column * 131.7)
    number = np.abs(np.sin(number * 12.9898) * 43758.547) % 1
    length = np.where(top, part + 1, part)
    to_tip = np.where(top, edge - part, 1 + bulge * (1 - 4 * lower * lower) - part)
    shade = np.where(top, 0, np.exp(-(part - edge) / 0.16))
    return Feathers(length / (1 + bulge), at, number.astype(np.float32), to_tip, shade)


def relief_of(feathers: Feathers) -> Array:
    """Height of a feathered surface in rows: each feather is a dome that rises towards its free edge."""
    dome = 1 - 4 * feathers.across * feathers.across
    return 0.5 * feathers.along + 0.28 * dome + 0.10 * np.exp(-np.abs(feathers.across) / 0.04)


def fringed(color: Array, feathers: Feathers, fringe: Array, amount: float, fade: Array | float) -> Array:
    """Feather-wise variation, shafts, edges and the shade under the overlapping feathers."""
    value = 1 + (0.22 * (feathers.number - 0.5) - 0.30 * feathers.shade - 0.10 * (1 - feathers.along)) * fade
    edge = np.maximum(smoothstep(0.20, 0.06, feathers.to_tip), 0.7 * smoothstep(0.42, 0.48, np.abs(feathers.across)))
    return blend(color * value[:, None], fringe, edge * amount * fade)
