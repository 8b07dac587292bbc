"""Drawing of sprites: polygons that carry a normal, openness and a colour position, painted from back to front."""

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.sprites import Sprite

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
