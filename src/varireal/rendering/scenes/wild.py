"""Woods: a tall forest, an autumn wood, a jungle."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import FAR, Canvas
from varireal.rendering.scenes.grounds import Soil, lay, ramp
from varireal.rendering.scenes.herbs import FERN, fern, tuft
from varireal.rendering.scenes.planting import aside, frame, scatter_rocks
from varireal.rendering.scenes.solids import Coat, Paint, column
from varireal.rendering.scenes.sprites import Look, Sprite, place, row
from varireal.rendering.scenes.stones import MOSSY
from varireal.rendering.scenes.textures import relief
from varireal.rendering.scenes.trees import AUTUMN, DEEP, SUMMER, tree, tree_line
from varireal.rendering.shading import linear, mix, smoothstep

_LITTER = ("#2c2318", "#4d3d28", "#6f5b3c", "#8a744f")


def bark(colors: tuple[str, ...], *, moss: float = 0.0, birch: bool = False) -> Paint:
    """Bark with furrows along the trunk; ``birch`` puts dark bands on pale bark."""
    green = linear("#5b6b34")

    def paint(a: Array, b: Array, step: float) -> Coat:
        furrow = relief("strand", a / 1.1, b / 3.0, step / 1.1)
        patch = relief("fbm", a / 1.7, b / 2.2, step / 1.7)[..., 0]
        tone = 0.5 + 0.2 * furrow[..., 0] + 0.14 * patch
        if birch:
            bands = relief("strand", b / 1.6, a / 2.4, step / 1.6)[..., 0]
            tone = 0.75 + 0.08 * patch - 0.75 * smoothstep(1.1, 1.9, bands + 0.3 * patch)
        color = ramp(colors, tone) * np.clip(1 + 0.3 * furrow[..., 1], 0.4, 1.6)[..., None]
        if moss:
            cover = moss * smoothstep(0.2, 1.4, patch + 0.8 * np.exp(-np.clip(b, 0, None) / 0.8))
            color = mix(color, green, cover)
        return Coat(color)

    return paint


def _canopy(canvas: Canvas, bright: Array, dark: Array, *, speckle: float) -> None:
    """Fill the picture with what is seen between far trees: bright air, dark crowns above, gaps with sky light."""
    level = smoothstep(0.0, 1.0, np.broadcast_to(canvas.y / max(canvas.horizon, 0.2), canvas.depth.shape))
    leaves = canvas.field("leaves", 2.2)[..., 0]
    crowns = canvas.field("fbm", 0.9)[..., 0] + 0.5 * canvas.field("mid", 1.2)[..., 0]
    share = np.clip(0.35 + 0.5 * level + 0.11 * crowns + 0.13 * leaves, 0, 1)
    canvas.image[:] = mix(dark, bright, share)
    gaps = smoothstep(1.0, 2.1, crowns + 0.45 * leaves + 0.6 * level - 0.4)
    canvas.image += (speckle * gaps)[..., None] * (bright * 1.4 + 0.15)
    canvas.depth[:] = FAR


def _trunks(canvas: Canvas, paint: Paint, count: int, size: tuple[float, float], *, near: float, far: float) -> None:
    """Stand trunks between two distances; near ones leave the middle free."""
    for z in np.exp(canvas.rng.uniform(np.log(near), np.log(far), count)):
        away = float(z)
        clear = 0.36 if away < 2.4 * canvas.focus else 0.05
        x = aside(canvas, away, clear)
        radius = canvas.uniform(*size)
        column(canvas, x, away, radius, (-0.1, 60), paint, lean=canvas.uniform(-0.05, 0.05), flare=0.5)


def _undergrowth(
    canvas: Canvas, sprites: tuple[Sprite, ...], look: Look, count: int, size: tuple[float, float], far: float
) -> None:
    """Scatter low plants, fewer in the middle of the foreground."""
    for z in np.exp(canvas.rng.uniform(np.log(canvas.nearest), np.log(far), count)):
        away = float(z)
        x = aside(canvas, away, 0.45 if away < 1.8 * canvas.focus else 0.0)
        place(canvas, canvas.pick(sprites), x, away, canvas.uniform(*size), look, tint=canvas.uniform(0.55, 1.3))


def _woodland_light(canvas: Canvas, sun: tuple[float, float, float], ambient: tuple[float, float, float]) -> None:
    canvas.set_light(canvas.uniform(-0.7, 0.7), 0.8, canvas.uniform(-0.2, 0.4))
    canvas.sun = np.array(sun, np.float32) * canvas.uniform(0.7, 1.1)
    canvas.ambient = np.array(ambient, np.float32)


def forest(canvas: Canvas) -> None:
    """Among tall trunks in soft green light."""
    _woodland_light(canvas, (0.85, 0.8, 0.62), (0.24, 0.28, 0.23))
    mist = canvas.pick(("#a9b795", "#bcc5b4", "#8f9f74", "#9aa89a"))
    canvas.haze = linear(mist) * canvas.uniform(0.75, 1.0)
    canvas.haze_distance = canvas.uniform(22, 50)
    _canopy(canvas, canvas.haze, linear("#3a4a2a"), speckle=canvas.uniform(0.05, 0.35))
    lay(canvas, Soil((*_LITTER, "#5b6b38"), (("fbm", 5.0, 0.25, 0.8), ("leaves", 2.4, 0.45, 0.5)), shade=0.65))
    for z in (34.0, 24.0):
        row(canvas, tree_line("bush"), z, canvas.uniform(0.06, 0.12) * z, SUMMER, wobble=0.2)
    look = canvas.pick(
        (("#2f271f", "#54473a", "#7b6a58"), ("#3a352f", "#615a50", "#878074"), ("#3c2b20", "#6a4d3a", "#8f6f56"))
    )
    _trunks(canvas, bark(look, moss=0.5), int(canvas.rng.integers(16, 28)), (0.1, 0.3), near=4.0, far=34)
    _undergrowth(canvas, (fern(0), fern(1), fern(2)), FERN, int(canvas.rng.integers(14, 34)), (0.25, 0.6), 18)
    scatter_rocks(canvas, MOSSY, int(canvas.rng.integers(0, 7)), (0.1, 0.5), far=10, clear=0.4, facets=0.3)
    frame(canvas, (fern(3), fern(4)), FERN, 0.9, count=int(canvas.rng.integers(0, 4)))


def autumn_forest(canvas: Canvas) -> None:
    """A wood in autumn colours, leaves on the ground."""
    _woodland_light(canvas, (1.0, 0.86, 0.62), (0.3, 0.29, 0.26))
    canvas.haze = linear(canvas.pick(("#d8bd8a", "#cdb9a0", "#d9c9a8"))) * 0.9
    canvas.haze_distance = canvas.uniform(22, 45)
    _canopy(
        canvas, canvas.haze, linear(canvas.pick(("#8a5a22", "#94702c", "#7a4420"))), speckle=canvas.uniform(0.1, 0.4)
    )
    colors = ("#3a2616", "#74471e", "#a56a2a", "#bd8d45")
    lay(canvas, Soil(colors, (("fbm", 5.0, 0.2, 0.5), ("leaves", 2.2, 0.5, 0.9)), shade=0.5))
    for z in (36.0, 27.0, 20.0):
        row(canvas, tree_line("broadleaf", int(z) % 2), z, canvas.uniform(0.2, 0.42) * z, AUTUMN, wobble=0.1)
    birch = canvas.chance(0.5)
    look = ("#2b2825", "#a39d93", "#d6d1c6") if birch else ("#33291f", "#5a4a3a", "#7d6a56")
    _trunks(canvas, bark(look, birch=birch), int(canvas.rng.integers(12, 22)), (0.07, 0.2), near=4.2, far=30)
    _undergrowth(canvas, (tree("bush", 0), tree("bush", 2)), AUTUMN, int(canvas.rng.integers(5, 14)), (0.3, 0.8), 20)


def jungle(canvas: Canvas) -> None:
    """Dense wet leaves, palms and lianas."""
    _woodland_light(canvas, (1.05, 1.0, 0.72), (0.2, 0.24, 0.2))
    canvas.haze = linear(canvas.pick(("#7f9a78", "#93a98c", "#6d8a62"))) * 0.8
    canvas.haze_distance = canvas.uniform(22, 45)
    _canopy(canvas, canvas.haze, linear("#1f3318"), speckle=canvas.uniform(0.05, 0.3))
    lay(
        canvas,
        Soil(("#1c1a10", "#38351d", "#4b5526"), (("fbm", 4.0, 0.25, 0.8), ("leaves", 1.8, 0.5, 0.6)), shade=0.7),
    )
    for z in (20.0, 15.0, 11.0):
        row(canvas, tree_line("bush"), z, canvas.uniform(0.2, 0.34) * z, DEEP, wobble=0.3)
    for _ in range(int(canvas.rng.integers(5, 9))):
        z = canvas.uniform(6, 16)
        x = aside(canvas, z, 0.15)
        place(
            canvas,
            tree("palm", int(canvas.rng.integers(5))),
            x,
            z,
            canvas.uniform(0.3, 0.7) * z,
            DEEP,
            tint=canvas.uniform(0.8, 1.3),
        )
    _trunks(canvas, bark(("#1f1c15", "#3f3828", "#5b5540"), moss=0.9), 7, (0.08, 0.25), near=4.2, far=16)
    for _ in range(int(canvas.rng.integers(4, 10))):
        z = canvas.uniform(3.8, 9)
        lean = canvas.uniform(-0.2, 0.2)
        column(canvas, aside(canvas, z, 0.2), z, 0.02, (0.6, 40), bark(("#2b2a18", "#4d4a2c")), lean=lean)
    leafy = (fern(0), fern(1), fern(2), tuft(0), tree("bush", 1))
    _undergrowth(canvas, leafy, canvas.pick((FERN, DEEP, SUMMER)), int(canvas.rng.integers(24, 40)), (0.35, 1.0), 11)
    frame(canvas, (fern(3), fern(4)), FERN, 1.5, count=int(canvas.rng.integers(2, 6)))


SPECS = (
    SceneSpec(
        "forest",
        words(
            "woods, wood, woodland, dense forest, pine forest, deep forest, forest floor, trees, redwood "
            "forest, forest clearing, evergreen forest, forest path, tree branches"
        ),
        forest,
    ),
    SceneSpec(
        "autumn forest",
        words(
            "autumn, fall foliage, autumn woods, autumn leaves, fall forest, autumn park, birch forest, fall leaves"
        ),
        autumn_forest,
    ),
    SceneSpec(
        "jungle",
        words(
            "rainforest, rain forest, tropical forest, tropical rainforest, dense jungle, jungle canopy, "
            "amazon rainforest, bamboo forest, greenhouse, tropics"
        ),
        jungle,
    ),
)
