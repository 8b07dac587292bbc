"""What a scene is, for those who use scenes and for those who draw them."""

from collections.abc import Callable
from dataclasses import dataclass

from varireal.arrays import Array
from varireal.rendering.scenes.canvas import Canvas


@dataclass(frozen=True)
class Light:
    """The light that falls on a subject standing in a scene, in linear RGB; a white surface in full light is near 1.

    Attributes:
        direction: (3,) unit vector towards the main light: x right, y up, z to the camera.
        sun: (3,) what the main light adds to a surface that faces it.
        ambient: (3,) what the rest of the surroundings adds from above.
        ground: (3,) what the ground throws back from below.
    """

    direction: Array
    sun: Array
    ambient: Array
    ground: Array


@dataclass(frozen=True)
class Scene:
    """A rendered background.

    Attributes:
        image: (H, W, 3) float32 linear RGB.
        light: the light in it.
        horizon: where the ground meets the far background, as a fraction of the height (may exceed 1: no ground).
    """

    image: Array
    light: Light
    horizon: float


@dataclass(frozen=True)
class SceneSpec:
    """A kind of scene.

    Attributes:
        name: canonical name.
        synonyms: other words for it, lowercase; a word belongs to one scene only.
        draw: paints it on a canvas.
        indoor: whether it is under a roof.
        softness: how much of the drawn depth of field is applied (0: all sharp).
    """

    name: str
    synonyms: tuple[str, ...]
    draw: Callable[[Canvas], None]
    indoor: bool = False
    softness: float = 1.0


def words(text: str) -> tuple[str, ...]:
    """Split a list of words or phrases at the commas."""
    return tuple(part.strip() for part in text.split(","))
