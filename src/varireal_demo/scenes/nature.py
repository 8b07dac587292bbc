"""Open green country: meadows, fields, gardens, and the sky above."""

import numpy as np

from varireal.editors.shading import linear, mix, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import FAR, Canvas, SceneSpec, relief, words
from varireal_demo.scenes.grounds import Land, Soil, contact, lay, raise_land, ramp
from varireal_demo.scenes.plants import (
    AUTUMN,
    CONIFER,
    DEEP,
    DRY,
    FERN,
    GRASS,
    HAY,
    LAWN,
    MOSSY,
    ROCK,
    SNOWY,
    STRAW,
    SUMMER,
    aside,
    fern,
    frame,
    lone_trees,
    scatter_rocks,
    stand,
    tree,
    tree_line,
    tuft,
    wood_edge,
)
from varireal_demo.scenes.skies import clouds, day
from varireal_demo.scenes.sprites import Look, Sprite, place, row
from varireal_demo.scenes.surfaces import Paint, Painted, boards, column, face

# Woods: a tall forest, an autumn wood, a jungle.

_LITTER = ("#2c2318", "#4d3d28", "#6f5b3c", "#8a744f")


def bark(colors: tuple[str, ...], *, moss: float = 0.0, birch: bool = False) -> Paint:
    """Bark with furrows along the trunk; ``birch`` puts dark bands on pale bark."""
    green = linear("#5b6b34")

    def paint(a: Array, b: Array, step: float) -> Painted:
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
        return Painted(color)

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


WILD = (
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


# Bare country: mountains, deserts, snow.

POOR_TURF = Soil(
    ("#2b3716", "#44571f", "#5f7031", "#7a8044"),
    (("fbm", 9.0, 0.1, 0.9), ("mid", 1.6, 0.3, 0.5), ("fine", 0.9, 0.35, 0.5)),
)
_HILLS = (("smooth", 420.0, 11.0), ("fbm", 120.0, 2.2))


def mountain(canvas: Canvas) -> None:
    """Rocky peaks above an alpine meadow."""
    day(canvas, ("clear", "fair", "fair", "veiled", "late"))
    canvas.haze_distance = canvas.uniform(2200, 4500)
    snow_line = canvas.uniform(70, 200)

    def coat(height: Array, steepness: Array, grain: Array) -> Array:
        stone = ramp(("#4d4b49", "#77736d", "#938d83"), 0.5 + 0.25 * grain)
        white = np.clip((height + 16 * grain - 60 * steepness - snow_line) / 14, 0, 1)[..., None]
        green = np.clip((60 - height + 14 * grain) / 18, 0, 1)[..., None]
        stone = stone * (1 - green) + np.array([0.075, 0.1, 0.04], np.float32) * green
        result: Array = stone * (1 - white) + np.array([0.86, 0.88, 0.92], np.float32) * white
        return result

    octaves = (("peaks", 2800.0, 120.0), ("peaks", 1000.0, 30.0), ("smooth", 500.0, 9.0), ("fbm", 400.0, 3.0))
    land = Land(600, 2800, octaves, base=70, rise=canvas.uniform(0.08, 0.17), slices=72)
    raise_land(canvas, land, coat, detail="ridged", detail_scale=1.6)
    lay(canvas, POOR_TURF)
    wood_edge(canvas, "conifer", CONIFER, z=canvas.uniform(60, 110), height=canvas.uniform(5, 9))
    scatter_rocks(canvas, ROCK, 16, (0.08, 0.9), far=40)
    stand(canvas, "grass", GRASS, 0.2, near=canvas.nearest * 0.9, far=14, rows=26)


def snow_field(canvas: Canvas) -> None:
    """Snow with snowy trees."""
    day(canvas, ("clear", "veiled", "overcast", "pale"))
    canvas.haze_distance = canvas.uniform(35, 90)
    kind = canvas.pick(("conifer", "conifer", "bare"))
    look = SNOWY if kind == "conifer" else Look(("#3c352f", "#6d6560", "#c9ccd0"))
    if canvas.chance(0.6):

        def coat(_: Array, steepness: Array, grain: Array) -> Array:
            return ramp(("#6f7780", "#dfe5ea", "#f2f4f6"), 0.75 - 0.35 * steepness + 0.05 * grain)

        raise_land(canvas, Land(120, 600, (("smooth", 600.0, 20.0), ("fbm", 160.0, 3.0)), rise=0.08), coat)
    snow = Soil(
        ("#a7b8cb", "#dbe4ec", "#f1f4f6"),
        (("smooth", 14.0, 0.14, 0.7), ("fbm", 4.0, 0.16, 0.3), ("fine", 1.0, 0.06, 0.1)),
    )
    lay(canvas, snow)
    wood_edge(canvas, kind, look, z=canvas.uniform(30, 60), height=canvas.uniform(4, 8))
    lone_trees(canvas, kind, look, int(canvas.rng.integers(1, 6)), near=10, far=28, height=(2.2, 5.0))
    frame(canvas, (tuft(0), tuft(3)), STRAW, 0.5, count=int(canvas.rng.integers(0, 4)))


def desert(canvas: Canvas) -> None:
    """Sand dunes, or a stony plain with table mountains."""
    day(canvas, ("clear", "clear", "veiled", "pale"))
    canvas.sun = canvas.sun * np.array([1.05, 0.97, 0.84], np.float32)
    canvas.haze = canvas.haze * np.array([1.05, 0.98, 0.86], np.float32)
    canvas.haze_distance = canvas.uniform(300, 700)
    sand = canvas.pick(
        (("#8a5a34", "#bf8a56", "#d9ab78"), ("#94754e", "#c4a272", "#dcc096"), ("#7c4a2c", "#ad6f45", "#cc9468"))
    )
    if canvas.chance(0.6):
        land = Land(30, 420, (("smooth", 260.0, 7.0), ("peaks", 120.0, 2.6)), base=0.5, rise=0.045, slices=64)
        raise_land(
            canvas,
            land,
            lambda h, s, g: ramp(sand, 0.62 + 0.05 * g - 0.1 * s + 0 * h),
            detail="streak",
            detail_scale=3,
        )
        ripple = (("streak", 3.0, 0.3, 0.35), ("smooth", 12.0, 0.15, 0.5), ("fine", 1.0, 0.1, 0.15))
        lay(canvas, Soil(sand, ripple))
        return
    octaves = (("peaks", 900.0, 18.0), ("ridged", 260.0, 5.0))
    raise_land(
        canvas,
        Land(160, 900, octaves, base=2, rise=0.06),
        lambda h, s, g: ramp(sand, 0.4 + 0.12 * g - 0.2 * s + 0.12 * np.sin(h / 5)),
    )
    lay(canvas, Soil(sand, (("fbm", 8.0, 0.15, 0.7), ("pebbles", 2.2, 0.2, 0.4), ("fine", 1.0, 0.3, 0.3))))
    scatter_rocks(canvas, Look((sand[0], sand[1], sand[2])), 18, (0.05, 0.5), far=35)
    for z in np.sort(canvas.rng.uniform(5, 40, 16))[::-1]:
        contact(canvas, x := aside(canvas, float(z), 0.25), float(z), 0.4, 0.5)
        place(canvas, tree("bush", int(canvas.rng.integers(5))), x, float(z), canvas.uniform(0.3, 0.8), DRY)


BARRENS = (
    SceneSpec(
        "mountain",
        words(
            "mountains, mountain peak, mountain range, alps, alpine meadow, rocky mountain, mountain "
            "landscape, cliff, cliffs, mountain top, himalayas"
        ),
        mountain,
    ),
    SceneSpec(
        "snow field",
        words(
            "snow, snowy field, winter, winter landscape, snowy forest, tundra, snowfield, ski slope, snow- "
            "covered field, winter forest, snowy landscape, blizzard"
        ),
        snow_field,
    ),
    SceneSpec(
        "desert",
        words(
            "sand dunes, dunes, sahara, sandy desert, desert dunes, arid plain, dry desert, badlands, mesa, "
            "sahara desert, outback"
        ),
        desert,
    ),
)


TURF = Soil(
    ("#333f1a", "#4d6124", "#6b7d38", "#87904e"),
    (("fbm", 9.0, 0.1, 0.9), ("mid", 1.6, 0.3, 0.5), ("fine", 0.9, 0.35, 0.5)),
)


def _green(height: Array, _: Array, grain: Array) -> Array:
    """Coat of wooded and grassy hills."""
    return ramp(("#2f4522", "#46592c", "#6d7d42", "#8b9156"), 0.45 + 0.18 * grain + 0.02 * height)


def hills(canvas: Canvas, tall: float = 1.0) -> None:
    """Raise soft green hills behind the fields."""
    octaves = tuple((kind, period, height * tall) for kind, period, height in _HILLS)
    raise_land(canvas, Land(90, 420, octaves, base=0.0, rise=0.05 * tall), _green)


def meadow(canvas: Canvas) -> None:
    """A summer meadow before a wood."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(110, 350)
    if canvas.chance(0.7):
        hills(canvas, canvas.uniform(0.6, 1.4))
    lay(canvas, TURF)
    wood_edge(
        canvas, canvas.pick(("broadleaf", "mixed")), SUMMER, z=canvas.uniform(35, 60), height=canvas.uniform(4, 9)
    )
    lone_trees(canvas, "broadleaf", SUMMER, int(canvas.rng.integers(0, 4)), near=18, far=34, height=(3, 5.5))
    look = canvas.pick((GRASS, GRASS, LAWN, HAY))
    stand(canvas, "grass", look, canvas.uniform(0.22, 0.4), near=canvas.nearest * 0.9, far=16, rows=26)
    frame(canvas, (tuft(0), tuft(1), tuft(2)), look, 0.7, count=3)


def flower_field(canvas: Canvas) -> None:
    """A field of wild flowers."""
    day(canvas)
    petal = canvas.pick(("#e6c53c", "#efe9da", "#a07cc8", "#c9403e", "#d887a8"))
    look = Look(("#36491d", "#6f8a3e", petal), glow=0.4)
    lay(canvas, TURF)
    wood_edge(canvas, "broadleaf", SUMMER, z=canvas.uniform(30, 50), height=canvas.uniform(5, 9))
    stand(canvas, "flowers", look, 0.42, near=canvas.nearest * 0.9, far=22, rows=26)


def farm(canvas: Canvas) -> None:
    """A field of ripe grain or maize."""
    day(canvas, ("clear", "fair", "veiled", "pale"))
    canvas.sun = canvas.sun * np.array([1.05, 0.98, 0.85], np.float32)
    canvas.haze_distance = canvas.uniform(80, 160)
    if canvas.chance(0.5):
        hills(canvas, canvas.uniform(0.4, 1.0))
    lay(canvas, Soil(("#5c4a26", "#8f7640", "#b59a5c"), (("fbm", 6.0, 0.2, 0.8), ("streak", 1.5, 0.3, 0.4))))
    wood_edge(canvas, "broadleaf", SUMMER, z=canvas.uniform(45, 80), height=canvas.uniform(4, 7))
    if canvas.chance(0.3):
        front = canvas.nearest * 1.5
        stand(canvas, "corn", GRASS, 0.9, near=front, far=30, rows=24)
        stand(canvas, "grass", HAY, 0.25, near=canvas.nearest * 0.9, far=1.02 * front, rows=10)
    else:
        stand(canvas, "wheat", STRAW, 0.42, near=canvas.nearest * 0.9, far=26, rows=28)


def backyard(canvas: Canvas) -> None:
    """A lawn with a fence, bushes and trees behind."""
    day(canvas, ("fair", "veiled", "overcast", "pale", "clear"))
    canvas.haze_distance = 120.0
    z = canvas.uniform(8, 11)
    wood_edge(canvas, "broadleaf", SUMMER, z=z * 1.8, height=canvas.uniform(4, 6.5))
    wood = canvas.pick(
        (("#6d5640", "#8c7358", "#a48c70"), ("#8f8c86", "#b5b2aa", "#cfccc2"), ("#54473b", "#6f6256", "#857869"))
    )
    lay(canvas, Soil(("#33451b", "#567431", "#7a9348"), TURF.layers, shade=0.45))
    slats = boards(wood, 0.28, 9.0)
    tall = canvas.uniform(1.1, 1.6)
    canvas.later(z, lambda: face(canvas, (-30, 0, z), (60, 0, 0), (0, tall, 0), slats))
    lone_trees(
        canvas, "broadleaf", SUMMER, int(canvas.rng.integers(0, 3)), near=0.8 * z, far=0.97 * z, height=(2.6, 4.0)
    )
    for _ in range(int(canvas.rng.integers(6, 14))):
        away = z * canvas.uniform(0.78, 0.97)
        x = canvas.uniform(-1.1, 1.1) * canvas.edge * away
        contact(canvas, x, away, 0.7, 0.6)
        look = canvas.pick(
            (SUMMER, GRASS, Look(("#31431f", "#5b7335", canvas.pick(("#b0506a", "#d8c25a", "#93a35a")))))
        )
        place(canvas, tree("bush", int(canvas.rng.integers(5))), x, away, canvas.uniform(0.5, 1.3), look)
    stand(canvas, "lawn", LAWN, 0.16, near=canvas.nearest * 0.9, far=7, rows=24, wobble=0.15)


def open_sky(canvas: Canvas) -> None:
    """Nothing but air and clouds."""
    canvas.horizon = max(canvas.horizon, 1.25)
    day(canvas, ("clear", "fair", "fair", "veiled"))
    white, gray = np.array([0.96, 0.95, 0.93], np.float32), linear("#98a5b4")
    clouds(canvas, canvas.uniform(0.3, 0.6), white, gray, scale=canvas.uniform(0.2, 0.32))
    canvas.bounce = canvas.ambient * np.float32(0.9)


OUTDOORS = (
    SceneSpec(
        "meadow",
        words(
            "grass, grassy field, grassland, grasslands, field, open field, pasture, prairie, countryside, "
            "rural countryside, grassy, savanna, savannah, valley, dog park, park, golf course, glider "
            "field, hillside"
        ),
        meadow,
    ),
    SceneSpec(
        "flower field",
        words(
            "flowers, wildflowers, wildflower meadow, field of flowers, flower meadow, flower garden, "
            "sunflower field, lavender field, tulip field, field of daisies, poppy field, botanical garden"
        ),
        flower_field,
    ),
    SceneSpec(
        "cornfield",
        words(
            "farm, farmland, crop field, corn field, wheat field, wheat, hay field, farmyard, barnyard, "
            "country farm, plowed field, field of wheat"
        ),
        farm,
    ),
    SceneSpec(
        "backyard",
        words(
            "garden, lawn, yard, back garden, front yard, suburban garden, community garden, backyard "
            "feeder, patio, fenced yard, suburban backyard, house garden"
        ),
        backyard,
    ),
    SceneSpec(
        "sky",
        words(
            "blue sky, clouds, cloudy sky, open sky, clear sky, mid-air, midair, in flight, above the "
            "clouds, storm clouds, cloud layer, hot air balloon"
        ),
        open_sky,
        softness=0.4,
    ),
)
