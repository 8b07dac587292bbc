"""What a material is: words for it, colours, how its surface takes light, and drawing it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from varireal.editors import oklab
from varireal.records import Array

Pattern = Callable[[Array, Array, Array], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class Material:
    """A synthesised surface.

    Attributes:
        name: canonical name.
        synonyms: other words for it, lowercase, singular; a word belongs to one material only.
        module: module of this package that draws it.
        pattern: function of that module.
        palette: default colours, sRGB hex; the first is the main one, of spots and stripes that of the marks.
        tied: how many of the colours, from the first, follow when the prompt names a single colour; the others
            (mortar, gaps, grout) stay.
        coat: whether a single colour is that of the ground, as in "speckled gray", and the marks follow it.
        repeats: how many times the pattern repeats over the object, by which the editor keeps it visible.
        gloss: strength of highlights, 0..1.
        mirror: share of reflected surroundings, 0..1.
        relief: how strongly the height field is lit.
        upright: whether the pattern keeps its direction (planks, bricks) instead of being turned at random.
    """

    name: str
    synonyms: tuple[str, ...]
    module: str
    pattern: str
    palette: tuple[str, ...]
    tied: int = 1
    coat: bool = False
    repeats: float = 10.0
    gloss: float = 0.1
    mirror: float = 0.0
    relief: float = 1.0
    upright: bool = False

    def draw(
        self, u: Array, v: Array, rng: np.random.Generator, colors: Sequence[Sequence[float]] = ()
    ) -> tuple[Array, Array]:
        """Draw the surface.

        Args:
            u: (H, W) place to the right, in object sizes.
            v: (H, W) place downwards, in object sizes.
            rng: shifts the pattern.
            colors: sRGB triples in 0..1 that replace the first colours of the palette.

        Returns:
            Albedo (H, W, 3) linear float32, where values above 1 glow, and height (H, W) float32 in 0..1.
        """
        draw: Pattern = getattr(import_module(f"varireal_demo.materials.{self.module}"), self.pattern)
        du, dv = rng.random(2, dtype=np.float32)
        at_u, at_v = np.asarray(u, np.float32) + du, np.asarray(v, np.float32) + dv
        albedo, height = draw(at_u, at_v, self._palette(colors))
        return np.maximum(albedo, 0).astype(np.float32), np.clip(height, 0, 1).astype(np.float32)

    def _palette(self, colors: Sequence[Sequence[float]]) -> Array:
        """Linear palette (n, 3) with the asked colours in it."""
        digits = [[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in self.palette]
        lab = oklab.from_srgb(digits)
        asked = [oklab.from_srgb(color) for color in colors][: len(lab)]
        if len(asked) == 1 and self.coat:
            lab[::-1] = _follow(lab[::-1], asked[0])
        elif len(asked) == 1:
            lab[: self.tied] = _follow(lab[: self.tied], asked[0])
        for slot, color in enumerate(asked[: len(asked) if len(asked) > 1 else 0]):
            lab[slot] = color
        return np.clip(oklab.to_linear(oklab.fit_gamut(lab)), 0, None)


def _follow(lab: Array, asked: Array) -> Array:
    """Move the first colour to ``asked``; the others keep their difference in lightness and take its hue."""
    lightness = np.clip(asked[0] + (lab[:, 0] - lab[0, 0]), 0.05, 0.98)
    # Chroma falls with lightness as it does for one pigment in less light.
    chroma = asked[None, 1:] * np.clip(lightness / max(float(asked[0]), 0.1), 0.4, 1.3)[:, None]
    return np.concatenate([lightness[:, None], chroma], 1).astype(np.float32)
