"""Water: mirrored surroundings, waves in perspective, glitter, shore lines."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import Plane, plane, sample
from varireal.rendering.shading import linear, mix, smoothstep


@dataclass(frozen=True)
class Wet:
    """What a sheet of water looks like.

    Attributes:
        shallow, deep: sRGB hex colours of the light that comes out of it, near and far.
        waves: slope of the waves (0.02 a pond, 0.2 the sea).
        period: size of one tile of waves in world units.
        choppy: share of fine waves.
        mirror: upper bound of the reflection.
    """

    shallow: str
    deep: str
    waves: float
    period: float = 6.0
    choppy: float = 0.5
    mirror: float = 0.95


def _surface(canvas: Canvas, ground: Plane, wet: Wet) -> tuple[Array, Array, Array]:
    """Return slope to x, slope to z and swell height of the waves."""
    swell = sample(canvas, ground, "fbm", wet.period)
    chop = sample(canvas, ground, "mid", wet.period * 0.6)
    patch = 0.55 + 0.45 * smoothstep(-1, 1, sample(canvas, ground, "smooth", wet.period * 4)[..., 0])
    slope_x = wet.waves * (0.5 * swell[..., 1] + wet.choppy * chop[..., 1]) * patch
    slope_z = wet.waves * (swell[..., 2] + wet.choppy * chop[..., 2]) * patch
    return slope_x, slope_z, swell[..., 0]


def flood(canvas: Canvas, wet: Wet) -> tuple[Plane, Array]:
    """Turn the ground into water that mirrors what is painted above the horizon; return the plane and the swell.

    What stands beyond the water must be painted already.
    """
    canvas.flush()
    ground = plane(canvas)
    slope_x, slope_z, swell = _surface(canvas, ground, wet)
    if not len(ground.z):
        return ground, swell
    grazing = np.clip(canvas.eye / ground.z, 0.01, 1)  # sine of the angle at which the water is seen
    facing = np.clip(grazing - 0.8 * slope_z, 0.02, 1)
    # Schlick's approximation of Fresnel's reflectance for water (F0 = 0.02).
    fresnel = np.minimum(0.02 + 0.98 * (1 - facing) ** 5, wet.mirror).astype(np.float32)
    # A slope tilts the mirror by twice its angle; the displacement grows with the depth of what is mirrored.
    tilt = np.clip(2 * slope_z, -0.8, 1.2)
    up = np.clip(canvas.y[ground.top :] - canvas.horizon + 0.55 * np.abs(tilt), 0, None)
    rows = np.clip((canvas.horizon - up) * canvas.height - 0.5, 0, max(ground.top - 1, 0))
    columns = (canvas.x + 0.45 * slope_x + canvas.edge) * canvas.height - 0.5
    mirrored = cv2.remap(
        canvas.image,
        columns.astype(np.float32),
        rows.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    share = smoothstep(1.0, 0.15, canvas.eye / ground.z * 2.2)
    body = mix(linear(wet.shallow), linear(wet.deep), np.broadcast_to(share, ground.x.shape))
    body = body * (0.55 * canvas.sun * max(float(canvas.sun_direction[1]), 0.2) + canvas.ambient)
    color = mix(body * (1 + 0.14 * swell)[..., None], mirrored * 0.96, fresnel)
    color += _glitter(canvas, ground, slope_x, slope_z)
    hazy = canvas.air(color, np.broadcast_to(ground.z, ground.x.shape) * 0.25)
    canvas.paint(hazy.astype(np.float32), 1.0, np.broadcast_to(ground.z, ground.x.shape), ground.top)
    return ground, swell


def _glitter(canvas: Canvas, ground: Plane, slope_x: Array, slope_z: Array) -> Array:
    """Return the sun's glints: strong where the waves' normal lies halfway between sun and camera."""
    norm = np.sqrt(ground.x**2 + ground.z**2 + canvas.eye**2)
    lx, ly, lz = (float(v) for v in canvas.sun_direction)
    half = np.stack([-ground.x / norm + lx, canvas.eye / norm + ly, ground.z / norm + lz], 0)
    half /= np.linalg.norm(half, axis=0)
    normal = np.stack([-slope_x, np.ones_like(slope_x), slope_z], 0)
    normal /= np.linalg.norm(normal, axis=0)
    shine = np.clip((half * normal).sum(0), 0, 1) ** 90
    result: Array = (0.9 * shine)[..., None] * canvas.sun
    return result


def ripples(canvas: Canvas, strength: float) -> None:
    """Draw out the mirror image sideways a little, as calm water does, by brightening thin lines."""
    ground = plane(canvas)
    lines = sample(canvas, ground, "streak", 9.0)[..., 0]
    canvas.image[ground.top :] *= (1 + strength * np.clip(lines, -1.5, 2.5))[..., None]


def shore(canvas: Canvas, ground: Plane, z_shore: float, wander: float) -> Array:
    """Distance (h, W) beyond an irregular shore line around ``z_shore``; positive is water (further away)."""
    low = sample(canvas, ground, "smooth", 40.0)[..., 0]
    fine = sample(canvas, ground, "fbm", 14.0)[..., 0]
    result: Array = ground.z - z_shore * (1 + wander * (0.7 * low + 0.3 * fine))
    return result
