"""Recolouring an object in OKLab: its shading, highlights and fine structure stay, the pigment changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from varireal.editors import oklab
from varireal.editors.colors import MATTE, METALLIC, NEON, NamedColor
from varireal.editors.regions import ObjectCutout, cut_out, to_light
from varireal.editors.shading import blur, luminance, mix, smoothstep, srgb, tone
from varireal.records import Array
from varireal_demo.materials import Material
from varireal_demo.noise import field, sample

# Taking a picture of an object apart: shading and surface detail, and the parts that an edit leaves alone.

_BINS, _REACH = 56, 0.42
_SPOT_SIDE = 256
_MIDDLE = 0.6
_MOST_LIMBS, _LEAST_LIMB = 40, 0.003
_OTHER_COLOR, _OTHER_LIGHTNESS = 0.08, 0.30


@dataclass(frozen=True, slots=True)
class Layers:
    """The object in OKLab, taken apart.

    Attributes:
        lab: (h, w, 3) OKLab of the object's own colours.
        base: (h, w) lightness without fine detail; steps between differently coloured parts stay.
        detail: (h, w) lightness less ``base``: fur, feathers, wrinkles.
        middle: median of ``base`` on the object.
        low: 4th percentile of ``base``.
        high: 96th percentile of ``base``.
    """

    lab: Array
    base: Array
    detail: Array
    middle: float
    low: float
    high: float


def take_apart(cut: ObjectCutout) -> Layers:
    """Split the object's lightness into base and detail.

    The base is a guided filter of the lightness by itself (He, Sun and Tang, "Guided image filtering", 2010), with
    box means taken over the object only, so that the surroundings have no influence.
    """
    lab = oklab.from_linear(cut.inner)
    lightness = lab[..., 0]
    radius = max(1, round(0.05 * cut.size))
    weight = cut.mask.astype(np.float32)
    mean, squares = _box(lightness, weight, radius), _box(lightness * lightness, weight, radius)
    variance = np.maximum(squares - mean * mean, 0)
    slope = variance / (variance + 0.07**2)
    base = _box(slope, weight, radius) * lightness + _box(mean * (1 - slope), weight, radius)
    low, middle, high = (float(q) for q in np.percentile(base[cut.mask], (4, 50, 96)))
    return Layers(lab, base, lightness - base, middle, low, high)


def _box(values: Array, weight: Array, radius: int) -> Array:
    size = (2 * radius + 1, 2 * radius + 1)
    total = cv2.boxFilter(weight, -1, size, borderType=cv2.BORDER_REFLECT)
    mean: Array = cv2.boxFilter(values * weight, -1, size, borderType=cv2.BORDER_REFLECT) / np.maximum(total, 1e-6)
    return mean


def kept_parts(cut: ObjectCutout, layers: Layers) -> Array:
    """How much each pixel is to be left as it is, (h, w) in 0..1.

    Kept are small dark parts in lighter surroundings (eyes, nostrils) and small parts of a colour that is rare on
    the object and far from its usual one (tongue, speculum, lamps, and background that a rough mask let in), and
    thin parts of another colour than the body (legs, beaks, aerials).
    """
    colors = _even_colors(layers.lab)
    parts = np.maximum(_dark_spots(cut, layers), _rare_colors(cut, colors))
    parts = np.maximum(parts, _other_limbs(cut, layers, colors))
    # Between kept and changed lies a mixture of two pigments, which no object has: the step is kept short.
    return smoothstep(0.25, 0.75, blur(parts, 0.7 * cut.scale)) * cut.mask


def _dark_spots(cut: ObjectCutout, layers: Layers) -> Array:
    """Dark parts narrower than about a tenth of the object, found by a morphological closing."""
    lightness = np.where(cut.mask, layers.lab[..., 0], layers.middle).astype(np.float32)
    height, width = lightness.shape
    # The cost of a closing grows with the square of the kernel: large objects are looked at from farther away.
    factor = min(1.0, _SPOT_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA)
    reach = max(3, int(0.09 * cut.size * factor) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    closed = cv2.resize(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), (width, height))
    hollow = closed - lightness
    return smoothstep(0.16, 0.30, hollow) * smoothstep(0.42, 0.28, lightness)


def _even_colors(lab: Array) -> Array:
    """The two colour axes over lightness, (h, w, 2): a leg has the same place in the light and in the shade."""
    even: Array = lab[..., 1:] * (_MIDDLE / np.maximum(lab[..., :1], 0.5 * _MIDDLE))
    return even


def _rare_colors(cut: ObjectCutout, colors: Array) -> Array:
    """Colours of which the object has little: mass of similar colours in a histogram of the two colour axes."""
    place = np.clip((colors / _REACH + 1) * (_BINS / 2), 0, _BINS - 1).astype(np.int64)
    flat = place[..., 0] * _BINS + place[..., 1]
    counts = np.bincount(flat[cut.mask], minlength=_BINS * _BINS).reshape(_BINS, _BINS).astype(np.float32)
    # Seven bins are 0.105 wide: the colours that look alike.
    mass = cv2.boxFilter(counts, -1, (7, 7), normalize=False, borderType=cv2.BORDER_CONSTANT) / counts.sum()
    usual = np.median(colors[cut.mask], axis=0)
    far = smoothstep(0.085, 0.13, np.linalg.norm(colors - usual, axis=-1))
    return smoothstep(0.10, 0.07, mass.reshape(-1)[flat]) * far


def _other_limbs(cut: ObjectCutout, layers: Layers, colors: Array) -> Array:
    """Parts that an opening of the mask takes away and that differ from the rest in colour or much in lightness."""
    radius = 0.055 * cut.size
    body = cut.mask & (cut.depth > radius)
    if not body.any():
        return np.zeros(cut.mask.shape, np.float32)
    near = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5) <= 1.25 * radius + 1
    count, parts = cv2.connectedComponents((cut.mask & ~near).astype(np.uint8))
    usual, usual_lightness = np.median(colors[body], axis=0), float(np.median(layers.lab[..., 0][body]))
    limbs = np.zeros(cut.mask.shape, np.float32)
    for number in range(1, min(count, _MOST_LIMBS)):
        part = parts == number
        if part.sum() < _LEAST_LIMB * cut.mask.sum():
            continue
        away = float(np.linalg.norm(np.median(colors[part], axis=0) - usual))
        darker = abs(float(np.median(layers.lab[..., 0][part])) - usual_lightness)
        if away > _OTHER_COLOR or darker > _OTHER_LIGHTNESS:
            # The part is cut off short of the body: it is continued as far as its colour goes.
            joined = cv2.dilate(part.astype(np.uint8), _disc(0.9 * radius + 1)).astype(bool) & cut.mask & ~body
            similar = np.linalg.norm(colors - np.median(colors[part], axis=0), axis=-1) < 0.7 * max(away, 0.1)
            limbs[part | (joined & similar)] = 1
    return limbs


def _disc(radius: float) -> Array:
    side = 2 * max(1, round(radius)) + 1
    disc: Array = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return disc


# A round body guessed from a silhouette, and the light that the photo throws on it.

_SIDE = 160
_PRIOR = np.array([-0.45, -0.75], np.float32)


@dataclass(frozen=True, slots=True)
class Relief:
    """A guess of the object's shape.

    Attributes:
        right: (h, w) how far the surface faces right, -1..1.
        down: (h, w) how far it faces down, -1..1.
        u: (h, w) place on the surface to the right, in object sizes: farther at the flanks, which turn away.
        v: (h, w) place on the surface downwards, in object sizes.
        light: (2,) direction in the picture from which the light comes (x right, y down), length up to 1.
    """

    right: Array
    down: Array
    u: Array
    v: Array
    light: Array


def raise_relief(cut: ObjectCutout, lightness: Array) -> Relief:
    """Blow the silhouette up like a cushion with a rim of constant radius.

    Args:
        cut: the object.
        lightness: (h, w) its lightness; how it varies with the facing tells where the light is.
    """
    height, width = cut.mask.shape
    factor = min(1.0, _SIDE / max(height, width))
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    depth = cv2.resize(cut.depth, small, interpolation=cv2.INTER_AREA) * factor
    size = cut.size * factor
    radius = max(1.5, min(0.30 * size, float(depth.max())))
    rise = np.clip(depth / radius, 0, 1)
    cushion = blur((radius * np.sqrt(1 - (1 - rise) ** 2)).astype(np.float32), max(0.6, 0.035 * size))
    down, right = np.gradient(-cushion) if min(small) > 1 else (np.zeros_like(cushion), np.zeros_like(cushion))
    length = np.sqrt(right**2 + down**2 + 1)
    right, down = (cv2.resize((part / length).astype(np.float32), (width, height)) for part in (right, down))
    tilt = np.clip(np.sqrt(right**2 + down**2), 1e-4, 0.98)
    # Arc length less its projection: how much more surface lies between here and the crest than the photo shows.
    extra = radius / size * (np.arcsin(tilt) - tilt) / tilt
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    u = columns / cut.size + extra * right
    v = rows / cut.size + extra * down
    return Relief(right, down, u, v, _light(cut, lightness, right, down))


def _light(cut: ObjectCutout, lightness: Array, right: Array, down: Array) -> Array:
    """Direction of the light by least squares of lightness on facing, drawn to "from above, left"."""
    values = lightness[cut.mask] - lightness[cut.mask].mean()
    facing = np.stack([right[cut.mask], down[cut.mask]], -1)
    normal = facing.T @ facing + 1e-3 * len(facing) * np.eye(2)
    solved = np.linalg.solve(normal, facing.T @ values)
    solved = np.array([solved[0], min(float(solved[1]), 0.0)]) * 4
    direction = solved + 0.6 * _PRIOR
    light: Array = (direction / max(1.0, float(np.linalg.norm(direction)))).astype(np.float32)
    return light


# The darkest and lightest pigments: real black fur and white paint still show their shading.
_DARKEST, _LIGHTEST = 0.21, 0.935
_KEEP = 0.92


def recolor(image: Array, mask: Array, color: NamedColor, rng: np.random.Generator) -> Array:
    """Paint the object.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, not empty.
        color: what to paint it with.
        rng: moves the pigment a little, as no two coats of one colour are equal; a new attempt is another picture.

    Returns:
        (H, W, 3) uint8; outside the mask the pixels are the photo's.
    """
    cut = cut_out(image, mask)
    layers = take_apart(cut)
    painted = np.clip(oklab.to_linear(oklab.fit_gamut(_paint(layers, color, rng))), 0, 1)
    weight = cut.alpha * (1 - _KEEP * kept_parts(cut, layers))
    return lay_over(image, cut, painted, weight)


def lay_over(image: Array, cut: ObjectCutout, surface: Array, weight: Array) -> Array:
    """Exchange the object's surface and keep what else shines through its edge pixels.

    A pixel at the edge is ``a * object + (1 - a) * background``; with the new surface it is the old pixel plus
    ``a * (new - old object)``, so neither the background nor its share has to be known.

    Args:
        image: (H, W, 3) uint8 photo.
        cut: its object.
        surface: (h, w, 3) the new surface, linear RGB, in the object's box.
        weight: (h, w) the share ``a``.

    Returns:
        (H, W, 3) uint8, a new array; pixels outside the mask are those of the photo.
    """
    mixed = cut.light + weight[..., None] * (surface - cut.inner)
    result = image.copy()
    box = result[cut.rows, cut.columns]
    box[cut.mask] = (srgb(mixed)[cut.mask] * 255 + 0.5).astype(np.uint8)
    return result


def _paint(layers: Layers, color: NamedColor, rng: np.random.Generator) -> Array:
    """OKLab of the object in another colour, (h, w, 3)."""
    target = oklab.from_srgb(color.rgb) * _pigment(rng)
    middle = float(np.clip(target[0], _DARKEST, _LIGHTEST))
    lightness = _lightness(layers, target, middle, color.finish)
    chroma = _chroma_share(lightness, middle, color.finish)
    # A little of the object's own variation of colour keeps the paint from looking flat.
    ground = layers.lab[..., 1:] - np.median(layers.lab[..., 1:].reshape(-1, 2), axis=0)
    shades = target[1:] * chroma[..., None] + 0.06 * ground
    return np.concatenate([lightness[..., None], shades], -1).astype(np.float32)


def _pigment(rng: np.random.Generator) -> Array:
    """Factors of lightness and chroma, within what still goes by the same name."""
    return np.array([rng.uniform(0.97, 1.03), *[rng.uniform(0.93, 1.05)] * 2], np.float32)


def _lightness(layers: Layers, target: Array, middle: float, finish: str) -> Array:
    """Lightness of the painted object: its base moved to ``middle``, steps between its parts made to fit."""
    contrast = {METALLIC: 1.35, NEON: 0.9, MATTE: 0.8}.get(finish, 1.0)
    # A strong colour has no light version: its highlights stay closer to it than those of a grey.
    vivid = min(1.0, float(np.hypot(*target[1:])) / 0.25)
    room_up = (
        contrast
        * min(0.28, 0.9 * (1 - middle), 0.05 + 0.65 * middle)
        * (1 - (0.75 if finish == NEON else 0.4) * vivid)
    )
    # White paint hides dark parts: its own shadows are shallow.
    room_down = contrast * min(0.30, 0.62 * middle, 1.15 - middle)
    # An object of several colours has a wide base: it is compressed, as paint would hide the difference.
    up = min(1.15 * contrast, room_up / max(layers.high - layers.middle, 0.02))
    down = min(1.15 * contrast, room_down / max(layers.middle - layers.low, 0.02))
    offset = layers.base - layers.middle
    base = middle + offset * np.where(offset > 0, up, down)
    # In OKLab equal steps look equal; on a lighter paint the same relief makes a somewhat larger step.
    gain = np.clip(np.sqrt(np.maximum(base, 0.1) / np.maximum(layers.base, 0.12)), 0.75, 1.45)
    lightness = base + layers.detail * gain
    shine = _shine(layers) * (0.25 if finish == MATTE else 1.0)
    if finish == METALLIC:
        shine = np.maximum(shine, 0.55 * smoothstep(0.55, 1.0, offset / max(layers.high - layers.middle, 0.02)))
    lightness = lightness + shine * np.maximum(0.97 - lightness, 0)
    limited: Array = np.clip(lightness, 0.02, 0.995).astype(np.float32)
    return limited


def _shine(layers: Layers) -> Array:
    """Where the photo shows the lamp rather than the object: nearly white spots on an object that is darker."""
    lightness = layers.lab[..., 0]
    colorless = smoothstep(0.06, 0.02, np.linalg.norm(layers.lab[..., 1:], axis=-1))
    return 0.75 * smoothstep(0.90, 0.97, lightness) * smoothstep(0.14, 0.24, lightness - layers.middle) * colorless


def _chroma_share(lightness: Array, middle: float, finish: str) -> Array:
    """Share of the pigment's chroma at each lightness.

    In less light a pigment keeps its chromaticity, and OKLab chroma is then proportional to lightness (both are cube
    roots of light); towards white the highlight's colour takes over.
    """
    shadow = lightness / middle
    if finish == NEON:
        shadow = np.sqrt(shadow)
    fade = 0.35 if finish == NEON else 0.9
    highlight = 1 - fade * np.clip((lightness - middle) / max(1.0 - middle, 0.05), 0, 1) ** 1.4
    share: Array = np.where(lightness < middle, shadow, highlight)
    return share


# Laying a synthesised material over an object so that it follows the body, its light and its wrinkles.

_SMALLEST_REPEAT = 9.0
_DRAWN_AREA = 420 * 420
_LOOKS_NEUTRAL = 0.2


def retexture(
    image: Array, mask: Array, material: Material, colors: Sequence[NamedColor], rng: np.random.Generator
) -> Array:
    """Make the object of another material.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, not empty.
        material: what to make it of.
        colors: colours that replace the material's own, may be empty.
        rng: turns and shifts the pattern.

    Returns:
        (H, W, 3) uint8; outside the mask the pixels are the photo's.
    """
    cut = cut_out(image, mask)
    layers = take_apart(cut)
    relief = raise_relief(cut, layers.base)
    turn = float(rng.uniform(-0.12, 0.12) if material.upright else rng.uniform(-0.6, 0.6))
    albedo, slope = _draw(cut, relief, material, [color.rgb for color in colors], turn, rng)
    surface = _lit(layers, relief, material, albedo, slope) * _exposure(image)
    return lay_over(image, cut, tone(surface), cut.alpha * (1 - _KEEP * kept_parts(cut, layers)))


def _draw(
    cut: ObjectCutout,
    relief: Relief,
    material: Material,
    colors: Sequence[tuple[float, float, float]],
    turn: float,
    rng: np.random.Generator,
) -> tuple[Array, tuple[Array, Array]]:
    """Albedo (h, w, 3) and the slope of the height field (right, down), drawn finer and averaged down."""
    # On a small object fewer repeats, so that each one keeps enough pixels to be seen.
    zoom = min(1.25, cut.size / (material.repeats * _SMALLEST_REPEAT))
    u = (relief.u * np.cos(turn) - relief.v * np.sin(turn)) * zoom
    v = (relief.u * np.sin(turn) + relief.v * np.cos(turn)) * zoom
    height, width = cut.mask.shape
    finer = 2 if 4 * height * width <= _DRAWN_AREA else 1
    if finer > 1:
        large = (width * finer, height * finer)
        u, v = (cv2.resize(axis.astype(np.float32), large, interpolation=cv2.INTER_LINEAR) for axis in (u, v))
    albedo, relief_height = material.draw(u, v, rng, colors)
    if finer > 1:
        albedo, relief_height = (
            cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA) for layer in (albedo, relief_height)
        )
    soft = blur(relief_height, 0.4)
    repeat = cut.size / (material.repeats * zoom)
    if min(height, width) < 2:
        return albedo, (np.zeros_like(soft), np.zeros_like(soft))
    down, right = np.gradient(soft)
    return albedo, (right * repeat * 0.22 * material.relief, down * repeat * 0.22 * material.relief)


def _lit(layers: Layers, relief: Relief, material: Material, albedo: Array, slope: tuple[Array, Array]) -> Array:
    """The material in the photo's light, (h, w, 3) linear RGB."""
    shade = _shading(layers)
    toward = relief.right * relief.light[0] + relief.down * relief.light[1]
    bump = np.clip(1 - slope[0] * relief.light[0] - slope[1] * relief.light[1], 0.4, 1.7)
    diffuse = shade * bump * np.clip(1 + 0.28 * toward, 0.6, 1.35)
    surface = albedo * diffuse[..., None]
    if material.mirror:
        reflected = _surroundings(relief, slope, layers.detail) * np.clip(shade, 0.5, 1.4)
        surface = mix(surface, np.minimum(albedo, 1) * reflected[..., None], material.mirror)
    if material.gloss:
        highlight = _highlight(relief, slope) + 0.5 * smoothstep(1.3, 2.2, shade)
        surface = surface + (0.55 * material.gloss * highlight)[..., None]
    glow = smoothstep(1.0, 1.4, albedo.max(-1))
    return mix(surface, albedo * 0.8, glow)


def _shading(layers: Layers) -> Array:
    """Light on each pixel relative to the object's middle, from the photo, (h, w).

    Lightness is a cube root of light. What the photo's object has in different colours must not show through the
    new material as deep shadow, so the range is bounded.
    """
    stops = 3 * np.log(np.maximum(layers.base, 0.04) / max(layers.middle, 0.04))
    brightest = 3 * np.log(max(layers.high, 0.05) / max(layers.middle, 0.04))
    darkest = 3 * np.log(max(layers.middle, 0.05) / max(layers.low, 0.04))
    up, down = min(0.9, 0.55 / max(brightest, 0.05)), min(0.9, 0.95 / max(darkest, 0.05))
    relative = np.clip(layers.detail / np.maximum(layers.base, 0.15), -0.35, 0.35)
    shade: Array = np.exp(np.clip(stops * np.where(stops > 0, up, down), -2, 1.2) + 1.5 * relative)
    return shade.astype(np.float32)


def _highlight(relief: Relief, slope: tuple[Array, Array]) -> Array:
    """Blinn's highlight on the raised and bumped surface, (h, w) in 0..1."""
    right, down = relief.right - 0.5 * slope[0], relief.down - 0.5 * slope[1]
    out = np.sqrt(np.maximum(1 - np.minimum(right**2 + down**2, 0.98), 0.02))
    half = np.array([relief.light[0] * 0.55, relief.light[1] * 0.55, 1.0])
    half /= np.linalg.norm(half)
    facing = np.clip(right * half[0] + down * half[1] + out * half[2], 0, 1)
    shine: Array = facing**60
    return shine


def _surroundings(relief: Relief, slope: tuple[Array, Array], detail: Array) -> Array:
    """What a mirror shows, (h, w): bright sky above, a dark line at the horizon, ground that brightens below.

    Fine detail of the photo's lightness is taken for tilt, so that fur and folds stay visible in the reflections.
    """
    wobble = 0.05 * sample(field("smooth"), relief.u * 1.1, relief.v * 1.1)
    up = 0.8 * slope[1] - 1.25 * relief.down + wobble + 1.6 * detail + 0.2 * relief.right * np.sign(relief.light[0])
    sky = 0.50 + 0.80 * smoothstep(0.85, 0.10, up)
    ground = 0.07 + 0.50 * smoothstep(-0.08, -0.8, up)
    return mix(ground, sky, smoothstep(-0.12, 0.10, up))


def _exposure(image: Array) -> float:
    """How bright the photo was taken: a mean of 0.2 in linear light is ordinary."""
    step = max(1, min(image.shape[:2]) // 64)
    mean = float(luminance(to_light(image[::step, ::step])).mean())
    return float(np.clip((mean / _LOOKS_NEUTRAL) ** 0.5, 0.6, 1.3))
