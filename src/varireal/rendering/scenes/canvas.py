"""The picture that a scene is painted on, with its camera, its light and its distances.

World units: the camera stands ``eye`` above a level ground, looks straight ahead and has a focal length of one picture
height, so a point (x, y, z) at distance z appears at column x / z (from the middle) and row horizon - (y - eye) / z,
both in picture heights. The horizon row is set by shifting the lens, which keeps verticals vertical.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.textures import relief
from varireal.rendering.shading import linear

FAR = 1e5  # distance of the sky
T = TypeVar("T")


class Canvas:
    """A picture in progress.

    Attributes:
        height, width: size in pixels.
        horizon: row of the horizon as a fraction of the height.
        image: (H, W, 3) float32 linear RGB.
        depth: (H, W) float32 distance of what is painted.
        x: (1, W) column positions and y: (H, 1) row positions, in picture heights; x is 0 in the middle.
        eye: height of the camera above the ground, world units.
        sun_direction, sun, ambient, bounce: the light, see ``base.Light``; bounce None means: derive from the picture.
        lamps: (position, power) of lights in a room; with any, the sun lights no built surfaces.
        haze: (3,) colour that far things fade to; haze_distance: distance at which 63 % of a thing has faded.
        reach: distance beyond which risen land hides the level ground.
        focus: distance that is sharp.
    """

    def __init__(self, height: int, width: int, rng: np.random.Generator, horizon: float, focus_row: float) -> None:
        self.height, self.width, self.rng, self.horizon = height, width, rng, horizon
        self.y = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
        self.x = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / height)[None]
        self.image: Array = np.zeros((height, width, 3), np.float32)
        self.depth: Array = np.full((height, width), FAR, np.float32)
        self.eye = 1.0
        self.focus_row = focus_row
        self.bounce: Array | None = None
        self.lamps: list[tuple[Array, Array]] = []
        self._queue: list[tuple[float, Callable[[], None]]] = []
        self.haze: Array = linear("#c3d0da")
        self.haze_distance = 120.0
        self.reach = FAR
        side = float(rng.choice([-1.0, 1.0]))
        self.set_light(side * self.uniform(0.25, 0.8), self.uniform(0.5, 0.95), self.uniform(0.1, 0.6))
        self.sun: Array = np.array([0.98, 0.92, 0.82], np.float32)
        self.ambient: Array = np.array([0.33, 0.37, 0.42], np.float32)

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    @property
    def edge(self) -> float:
        """The largest ``x``: half the width in picture heights."""
        return self.aspect / 2

    @property
    def focus(self) -> float:
        """Distance of the ground at the focus row (of the nearest ground when that row shows no ground)."""
        return self.eye / max(self.focus_row - self.horizon, 0.1)

    @property
    def nearest(self) -> float:
        """Distance of the ground at the lower border."""
        return self.eye / max(1 - self.horizon, 0.1)

    @property
    def first_row(self) -> int:
        """The first row whose middle lies below the horizon."""
        return int(np.clip(np.ceil(self.horizon * self.height - 0.5), 0, self.height))

    def uniform(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of ``choices``."""
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        """Draw whether something happens."""
        return bool(self.rng.random() < probability)

    def set_light(self, x: float, y: float, z: float) -> None:
        """Point the main light: x right, y up, z to the camera."""
        direction = np.array([x, y, z], np.float32)
        self.sun_direction: Array = (direction / np.linalg.norm(direction)).astype(np.float32)

    def row_of(self, z: float, lift: float = 0.0) -> float:
        """Row, as a fraction of the height, of a point ``lift`` above the ground at distance ``z``."""
        return self.horizon + (self.eye - lift) / z

    def air(self, color: Array, z: Any) -> Array:
        """Fade ``color`` (..., 3) into the haze by the distance ``z`` (a number, or an array of its leading shape)."""
        share = np.asarray(1 - np.exp(-np.asarray(z, np.float32) / self.haze_distance), np.float32)[..., None]
        result: Array = (color * (1 - share) + self.haze * share).astype(np.float32)
        return result

    def field(self, kind: str, scale: float, stretch: float = 1.0) -> Array:
        """Sample noise ``kind`` over the picture, ``scale`` tiles per picture height: (H, W, 3) value and slopes."""
        u0, v0 = self.rng.random(2)
        u = np.broadcast_to(self.x * scale + u0, self.depth.shape)
        v = np.broadcast_to(self.y * scale * stretch + v0, self.depth.shape)
        return relief(kind, u, v, scale * max(1.0, stretch) / self.height)

    def profile(self, kind: str, scale: float) -> Array:
        """Sample a line of noise ``kind`` along the width: (W,)."""
        u0, v0 = self.rng.random(2)
        u = (self.x * scale + u0).astype(np.float32)
        line: Array = relief(kind, u, np.full_like(u, v0), scale / self.height)[0, :, 0]
        return line

    def paint(self, color: Array, alpha: Array | float, z: Array | float, top: int = 0, left: int = 0) -> None:
        """Blend ``color`` over the picture with its corner at (top, left).

        Args:
            color: (h, w, 3) linear RGB, or (3,); the block must lie inside the picture.
            alpha: (h, w) coverage 0..1, or 1.0.
            z: distance, written where coverage exceeds one half.
            top: first row.
            left: first column.
        """
        if isinstance(alpha, float):
            rows, columns = color.shape[:2]
            self.image[top : top + rows, left : left + columns] = color
            self.depth[top : top + rows, left : left + columns] = z
            return
        rows, columns = alpha.shape
        block = self.image[top : top + rows, left : left + columns]
        block += (color - block) * alpha[..., None]
        distance = self.depth[top : top + rows, left : left + columns]
        np.copyto(distance, np.asarray(z, np.float32), where=alpha > 0.5)

    def later(self, z: float, draw: Callable[[], None]) -> None:
        """Queue a thing at distance ``z``; ``flush`` draws the queued things from far to near."""
        self._queue.append((z, draw))

    def flush(self) -> None:
        """Draw what is queued. Whatever paints over the whole picture calls this first."""
        waiting, self._queue = self._queue, []
        for _, draw in sorted(waiting, key=lambda item: -item[0]):
            draw()
