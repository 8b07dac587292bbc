"""Making a scene look as if the same camera had taken it: the scene is matched to the photo, never the object."""

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.editors.cutout import to_light
from varireal.rendering.scenes import Light
from varireal.rendering.shading import blur, luminance, srgb

_DARK = 0.02
# Immerkaer, "Fast noise variance estimation" (1996): this kernel cancels everything up to second order, and turns
# noise of unit deviation into noise of deviation 6.
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NOISE_GAIN = 6.0
_MEAN_OF_NORMAL = 0.798
_MOST_NOISE = 0.03
_BLOCK = 8


def match_light(scene: Array, light: Light, photo: Array) -> Array:
    """Bring a scene's exposure, contrast and white balance half-way to the photo's.

    Half-way, because a night scene stays a night scene even if the object was taken in the sun.

    Args:
        scene: (H, W, 3) linear RGB.
        light: the scene's light.
        photo: (H, W, 3) uint8, the whole photo.

    Returns:
        (H, W, 3) linear RGB.
    """
    step = max(1, min(photo.shape[:2]) // 96)
    seen = to_light(photo[::step, ::step]).reshape(-1, 3)
    here, there = _log_light(seen), _log_light(scene[::step, ::step].reshape(-1, 3))
    gain = float(np.clip(np.exp(0.45 * (here.mean() - there.mean())), 0.75, 1.4))
    contrast = float(np.clip((here.std() / max(float(there.std()), 0.05)) ** 0.25, 0.85, 1.12))
    middle = float(np.exp(there.mean()))
    bright = np.maximum(luminance(scene), 1e-4)
    curve = gain * (bright / middle) ** (contrast - 1)
    white = _tint(_brightest(seen)) ** 0.4
    source = _tint(np.asarray(light.sun + light.ambient, np.float32)) ** 0.25
    balance = np.clip(white / source, 0.9, 1.1)
    matched: Array = (scene * np.clip(curve, 0.4, 2.0)[..., None] * balance).astype(np.float32)
    return matched


def _log_light(light: Array) -> Array:
    logarithm: Array = np.log(np.maximum(luminance(light), 0) + _DARK)
    return logarithm


def _brightest(light: Array) -> Array:
    """Mean colour of the brightest twentieth that is not burnt out: about the colour of the light."""
    usable = light[(light.max(-1) < 0.96)]
    if len(usable) < 20:
        return np.ones(3, np.float32)
    strength = luminance(usable)
    mean: Array = usable[strength >= np.quantile(strength, 0.95)].mean(0)
    return mean


def _tint(color: Array) -> Array:
    tint: Array = np.clip(color / max(float(luminance(color)), 1e-3), 0.5, 2.0)
    return tint


def match_sharpness(scene: Array, photo: Array, mask: Array) -> Array:
    """Blur a scene (H, W, 3) linear that is crisper than the object, as a photo's background never is."""
    wanted = _crispness(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255, mask)
    found = _crispness(srgb(luminance(scene)), np.ones(mask.shape, bool))
    return blur(scene, float(np.clip(1.1 * (found / max(wanted, 1e-3) - 1.05), 0, 1.4)))


def _crispness(gray: Array, where: Array) -> float:
    """Energy of the finest detail over that of the next coarser one."""
    fine, coarse = blur(gray, 0.7), blur(gray, 1.4)
    inner = cv2.erode(where.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1).astype(bool)
    chosen = inner if inner.any() else where
    finest, next_ = (gray - fine)[chosen], (fine - coarse)[chosen]
    return float(np.sqrt((finest**2).mean()) / (np.sqrt((next_**2).mean()) + 2e-3))


def noise_level(image: Array) -> float:
    """Deviation of the sensor noise of an sRGB picture (H, W, 3) uint8, in 0..1.

    Measured in the calmest tenth of its 8 x 8 blocks, as detail would be taken for noise.
    """
    if min(image.shape[:2]) < 2 * _BLOCK:
        return 0.0
    gray = image.astype(np.float32).mean(-1) / 255
    response = np.abs(cv2.filter2D(gray, -1, _NOISE_KERNEL))
    blocks = cv2.resize(response, None, fx=1 / _BLOCK, fy=1 / _BLOCK, interpolation=cv2.INTER_AREA)
    return float(np.quantile(blocks, 0.1) / (_MEAN_OF_NORMAL * _NOISE_GAIN))


def add_noise(scene: Array, photo: Array, rng: np.random.Generator) -> Array:
    """Bring an sRGB scene (H, W, 3) in 0..1 to the photo's noise level; noise is mostly of luminance."""
    there = noise_level((np.clip(scene, 0, 1) * 255).astype(np.uint8))
    missing = np.sqrt(max(0.0, noise_level(photo) ** 2 - there**2))
    grain = rng.standard_normal((*scene.shape[:2], 4), dtype=np.float32)
    pattern = blur(0.8 * grain[..., 3:] + 0.45 * grain[..., :3], 0.5) * 1.6
    noisy: Array = scene + min(missing, _MOST_NOISE) * pattern
    return noisy
