"""Things that are made once and then placed many times: plants, rocks, strips of grass, lit where they stand."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from varireal.editors.shading import linear
from varireal.records import Array
from varireal_demo.scenes.base import Canvas, circle_of_confusion, disc_blur, relief

# Channels of a sprite: coverage, then multiplied by it: normal to the right, normal up, openness to light, colour.
COVER, RIGHT, UP, OPEN, COLOR = range(5)


@dataclass(frozen=True)
class Sprite:
    """A thing without light: (h, w, 5) float32, see the channels above; its foot is the lower border."""

    pixels: Array
    _copies: list[Array] = field(default_factory=list, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the full-size pixels."""
        rows, columns = self.pixels.shape[:2]
        return rows, columns

    def near(self, rows: float) -> Array:
        """Return the smallest copy that has at least ``rows`` rows."""
        if not self._copies:
            self._copies.append(self.pixels)
        level = int(max(0, np.floor(np.log2(self.shape[0] / max(rows, 1)))))
        while len(self._copies) <= level and min(self._copies[-1].shape[:2]) >= 4:
            last = self._copies[-1]
            last = last[last.shape[0] % 2 :, : last.shape[1] // 2 * 2]
            half = last[0::2, 0::2] + last[1::2, 0::2] + last[0::2, 1::2] + last[1::2, 1::2]
            self._copies.append(np.ascontiguousarray(half * np.float32(0.25)))
        return self._copies[min(level, len(self._copies) - 1)]


@dataclass(frozen=True)
class Look:
    """How a sprite reacts to light.

    Attributes:
        colors: three sRGB hex colours for the colour channel at 0, 0.5 and 1.
        glow: share of the sun that comes through from behind (leaves).
        gloss: strength of a soft highlight.
        brightness: factor on the colours.
    """

    colors: tuple[str, str, str]
    glow: float = 0.0
    gloss: float = 0.0
    brightness: float = 1.0


def shade(canvas: Canvas, pixels: Array, look: Look, *, tint: float = 1.0) -> tuple[Array, Array]:
    """Light resized sprite pixels: (colour (h, w, 3), coverage (h, w))."""
    cover = np.clip(pixels[..., COVER], 0, 1)
    inverse = 1 / np.maximum(pixels[..., COVER], 1e-3)
    right, up = pixels[..., RIGHT] * inverse, pixels[..., UP] * inverse
    openness, position = pixels[..., OPEN] * inverse, np.clip(pixels[..., COLOR] * inverse, 0, 1) * 2
    front = np.sqrt(np.clip(1 - right**2 - up**2, 0, 1))
    lx, ly, lz = (float(v) for v in canvas.sun_direction)
    cosine = right * lx + up * ly + front * lz
    direct = np.clip(cosine, 0, 1) * openness + look.glow * openness * np.clip(0.6 - cosine, 0, 1)
    low, middle, high = (linear(color) for color in look.colors)
    first, second = np.clip(position, 0, 1)[..., None], np.clip(position - 1, 0, 1)[..., None]
    albedo = (low + (middle - low) * first) + (high - middle) * second
    around = (openness * (0.62 + 0.38 * up))[..., None] * canvas.ambient
    color = albedo * (direct[..., None] * canvas.sun + around) * (look.brightness * tint)
    if look.gloss:
        color = color + (look.gloss * np.clip(cosine, 0, 1) ** 12)[..., None] * canvas.sun
    return color.astype(np.float32), cover.astype(np.float32)


def _stamp(canvas: Canvas, pixels: Array, look: Look, top: int, left: int, z: float, tint: float) -> None:
    """Light ``pixels`` and blend the part that lies inside the picture; things before the focus are blurred here."""
    rows, columns = pixels.shape[:2]
    radius = float(circle_of_confusion(canvas, z, 0.012)) if z < 0.8 * canvas.focus else 0.0
    if radius > 0.6:
        pad = int(np.ceil(radius)) + 1
        pixels = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)))
        pixels = np.concatenate(
            [disc_blur(pixels[..., :4], radius), disc_blur(pixels[..., 4:], radius)[..., None]], -1
        )
        top, left, rows, columns = top - pad, left - pad, rows + 2 * pad, columns + 2 * pad
        z = canvas.focus
    i0, j0 = max(0, top), max(0, left)
    i1, j1 = min(canvas.height, top + rows), min(canvas.width, left + columns)
    if i0 >= i1 or j0 >= j1:
        return
    color, cover = shade(canvas, pixels[i0 - top : i1 - top, j0 - left : j1 - left], look, tint=tint)
    canvas.paint(canvas.air(color, z), cover, z, i0, j0)


def place(
    canvas: Canvas,
    sprite: Sprite,
    x: float,
    z: float,
    height: float,
    look: Look,
    *,
    width: float = 1.0,
    lift: float = 0.0,
    tint: float = 1.0,
    flip: bool | None = None,
) -> None:
    """Put a sprite on the ground at (x, z), ``height`` world units tall; mirrored at random unless ``flip`` says."""
    rows = height / z * canvas.height
    columns = rows * sprite.shape[1] / sprite.shape[0] * width
    if rows < 1 or columns < 1:
        return
    bottom = canvas.row_of(z, lift) * canvas.height
    left = (x / z + canvas.edge) * canvas.height - columns / 2
    mirrored = canvas.chance(0.5) if flip is None else flip
    if left >= canvas.width or left + columns <= 0 or bottom - rows >= canvas.height or bottom <= 0:
        return

    def draw() -> None:
        size = (max(1, round(columns)), max(1, round(rows)))
        pixels = cv2.resize(sprite.near(rows), size, interpolation=cv2.INTER_LINEAR)
        if mirrored:
            pixels = pixels[:, ::-1] * np.array([1, -1, 1, 1, 1], np.float32)
        _stamp(canvas, pixels, look, round(bottom - rows), round(left), z, tint)

    canvas.later(z, draw)


def row(
    canvas: Canvas,
    strip: Sprite,
    z: float,
    height: float,
    look: Look,
    *,
    stretch: float = 1.0,
    lift: float = 0.0,
    tint: float = 1.0,
    wobble: float = 0.0,
) -> None:
    """Put a strip that repeats sideways across the whole width at distance ``z``, at a random place along it.

    ``wobble`` lowers parts of it, up to about that share of its height.
    """
    rows = round(height / z * canvas.height)
    bottom = round(canvas.row_of(z, lift) * canvas.height)
    if rows < 1 or bottom <= 0 or bottom - rows >= canvas.height:
        return
    offset, wobble_at = canvas.uniform(0, 1), canvas.uniform(0, 1)
    patch_at = np.float32(canvas.sun_direction[0])  # any number that is fixed for the picture

    def draw() -> None:
        source = strip.near(rows)
        scale = rows / source.shape[0]
        across = (np.arange(canvas.width, dtype=np.float32) / (scale * stretch) + offset * source.shape[1])[None]
        down = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) / scale - 0.5
        if wobble:
            line = np.sin((canvas.x * 9.7 / z**0.2 + wobble_at * 7) * np.array([[1.0], [2.3], [5.1], [11.7]])).sum(0)
            # Shifting columns up and down breaks the straight upper rim that a row of equal plants would have.
            down = down - (wobble * source.shape[0] * 0.33 * (line + 1.8))[None]
        across, down = np.broadcast_arrays(across % source.shape[1], down)
        look_up = (np.ascontiguousarray(across, np.float32), np.ascontiguousarray(down, np.float32))
        parts = [
            cv2.remap(part, *look_up, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
            for part in (source[..., :4], source[..., 4:])
        ]
        pixels = np.concatenate([parts[0], parts[1].reshape(*parts[0].shape[:2], 1)], -1)
        pixels[down < 0] = 0
        # Patches of lusher and drier growth, the same for neighbouring rows.
        ground = np.stack([canvas.x[0] * z, np.full(canvas.width, z)]).astype(np.float32)[:, None] / 11 + patch_at
        shade_of = 1 + 0.22 * relief("fbm", ground[0], ground[1], z / canvas.height / 11)[..., 0]
        pixels[..., OPEN] *= np.clip(shade_of, 0.5, 1.5)
        _stamp(canvas, pixels, look, bottom - rows, 0, z, tint)

    canvas.later(z, draw)


# Drawing of sprites: polygons that carry a normal, openness and a colour position, painted from back to front.

_SHIFT = 3  # cv2 takes points in 1/8 pixel


class Easel:
    """A sprite in the making: (height, width) pixels; x runs right, y runs down, the foot is at ``height``."""

    def __init__(self, height: int, width: int, *, wrap: bool = False) -> None:
        self.height, self.width, self.wrap = height, width, wrap
        self._cover = np.zeros((height, width), np.uint8)
        self._data = np.zeros((height, width, 4), np.uint8)

    def polygon(self, points: Array, right: float, up: float, openness: float, color: float) -> None:
        """Paint a convex polygon (n, 2) of one normal, openness (0..1) and colour position (0..1)."""
        values = np.clip([127.5 + 127 * right, 127.5 + 127 * up, 255 * openness, 255 * color], 0, 255)
        ink = tuple(float(v) for v in values)
        shifts = (0.0,)
        if self.wrap:
            low, high = points[:, 0].min(), points[:, 0].max()
            shifts = (0.0, *((self.width,) if low < 0 else ()), *((-self.width,) if high > self.width else ()))
        for shift in shifts:
            fixed = np.round((points + np.array([shift, 0.0])) * (1 << _SHIFT)).astype(np.int32)
            cv2.fillConvexPoly(self._cover, fixed, 255.0, cv2.LINE_8, _SHIFT)
            cv2.fillConvexPoly(self._data, fixed, ink, cv2.LINE_8, _SHIFT)

    def leaf(
        self, x: float, y: float, length: float, width: float, angle: float, shape: tuple[float, float, float, float]
    ) -> None:
        """Paint a pointed oval around (x, y); ``shape`` is (right, up, openness, colour)."""
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        half = np.array([[-1, 0], [-0.4, 1], [0.35, 0.9], [1, 0], [0.35, -0.9], [-0.4, -1]])
        points = np.array([x, y]) + half[:, :1] * along * length / 2 + half[:, 1:] * across * width / 2
        self.polygon(points, *shape)

    def blade(self, path: Array, widths: Array, openness: Array, color: Array, lean: float) -> None:
        """Paint a tapering ribbon along ``path`` (n, 2), one quad per step, lit as a half round stalk."""
        step = np.diff(path, axis=0)
        across = np.stack([-step[:, 1], step[:, 0]], -1)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        across = np.concatenate([across, across[-1:]])
        left, right = path - across * widths[:, None] / 2, path + across * widths[:, None] / 2
        for i in range(len(step)):
            quad = np.stack([left[i], left[i + 1], right[i + 1], right[i]])
            self.polygon(quad, lean, 0.25, float(openness[i]), float(color[i]))

    def sprite(self) -> Sprite:
        """Return what was painted."""
        cover = self._cover.astype(np.float32)[..., None] / 255
        data = self._data.astype(np.float32)
        data = np.concatenate([(data[..., :2] - 127.5) / 127, data[..., 2:] / 255], -1)
        pixels = np.ascontiguousarray(np.concatenate([cover, data * cover], -1))
        pixels.setflags(write=False)
        return Sprite(pixels)


def stack_sideways(pieces: list[tuple[Sprite, float, float, float, float]], height: int, width: int) -> Sprite:
    """Compose sprites to a strip that repeats: (sprite, x, foot, height, openness factor) each, back to front."""
    strip = np.zeros((height, width, 5), np.float32)
    for sprite, x, foot, tall, openness in pieces:
        rows = max(2, round(tall))
        columns = max(2, round(tall * sprite.shape[1] / sprite.shape[0]))
        piece = cv2.resize(sprite.near(rows), (columns, rows), interpolation=cv2.INTER_LINEAR)
        piece = piece * np.array([1, 1, 1, openness, 1], np.float32)
        bottom = min(height, round(foot))
        piece = piece[max(0, rows - bottom) :]
        at = (np.arange(columns) + round(x)) % width
        area = np.ix_(np.arange(bottom - len(piece), bottom), at)
        strip[area] = strip[area] * (1 - piece[..., :1]) + piece
    strip.setflags(write=False)
    return Sprite(strip)
