"""Backgrounds: painted scenes with the light that falls in them."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

import numpy as np

from varireal_demo.scenes import inside, nature, otherworldly, town, water
from varireal_demo.scenes.base import Canvas, Light, Scene, SceneSpec, defocus, vignette

__all__ = ["SCENES", "Light", "Scene", "SceneSpec", "render_scene"]

_THEMES = (
    nature.OUTDOORS,
    nature.BARRENS,
    water.WATERSIDE,
    water.SEASIDE,
    nature.WILD,
    town.CITY,
    town.TRANSPORT,
    inside.ROOMS,
    inside.HALLS,
    town.VENUES,
    water.DEPTHS,
    otherworldly.OTHERWORLDLY,
)
SCENES: Mapping[str, SceneSpec] = MappingProxyType({spec.name: spec for theme in _THEMES for spec in theme})
_FOCUS_ROW = 0.86


def render_scene(
    name: str,
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    horizon: float = 0.58,
    focus: float | None = None,
) -> Scene:
    """Paint a scene. The same generator state gives the same picture.

    Args:
        name: a key of ``SCENES``.
        height: pixels, at least 16.
        width: pixels, at least 16.
        rng: decides light, weather, layout and palette.
        horizon: where the ground meets the far background, as a fraction of the height; scenes
            without ground ignore it.
        focus: row of the ground that is sharp, where a subject stands, as a fraction of the height; None is 0.86.

    Raises:
        KeyError: there is no scene ``name``; the message names near ones.
    """
    spec = SCENES.get(name)
    if spec is None:
        near = get_close_matches(name, SCENES, n=3, cutoff=0.4)
        raise KeyError(f"no scene {name!r}; the nearest are {', '.join(near or sorted(SCENES)[:3])}")
    focus_row = _FOCUS_ROW if focus is None else float(focus)
    canvas = Canvas(height, width, rng, float(np.clip(horizon, 0.08, 1.5)), focus_row)
    spec.draw(canvas)
    canvas.flush()
    defocus(canvas, spec.softness * canvas.uniform(0.006, 0.02))
    vignette(canvas, canvas.uniform(0.05, 0.22))
    exposure = np.float32(canvas.uniform(0.88, 1.14))
    image = np.clip(np.nan_to_num(canvas.image) * exposure, 0, 8).astype(np.float32)
    bounce = canvas.bounce
    if bounce is None:
        # What the lower part of the picture shows is what it sends up to a subject that stands on it.
        bounce = np.minimum(canvas.image[int(0.75 * height) :].reshape(-1, 3).mean(0), 1.0) * np.float32(0.7)
    sun, ambient, ground = (np.asarray(part * exposure, np.float32) for part in (canvas.sun, canvas.ambient, bounce))
    light = Light(canvas.sun_direction, sun, ambient, ground)
    return Scene(np.ascontiguousarray(image), light, canvas.horizon)
