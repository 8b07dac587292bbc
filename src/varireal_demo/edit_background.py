"""Putting an object into a synthesised scene. The object's own pixels are never touched: the scene is fitted to it."""

import cv2
import numpy as np

from varireal.editors.regions import put_before, to_light
from varireal.editors.shading import blur, luminance, smoothstep, srgb, tone
from varireal.records import Array
from varireal_demo.scenes import Light, Scene, render_scene

# Making a scene look as if the same camera had taken it: the scene is matched to the photo, never the object.

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
    sharpness = _crispness(srgb(luminance(scene)), np.ones(mask.shape, bool))
    return blur(scene, float(np.clip(1.1 * (sharpness / max(wanted, 1e-3) - 1.05), 0, 1.4)))


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


# Shadows that a cut-out object throws on the ground of its new scene.

_NEAR_GROUND = 0.10
_FORESHORTENING = 0.30


def touches_bottom(mask: Array) -> bool:
    """Whether the object (H, W) bool goes on below the picture, so that it stands on nothing that is seen."""
    return bool(mask[-2:].any())


def ground_shadow(mask: Array, light: Light) -> Array:
    """How much of each light reaches the ground around the object, (H, W, 3) factor in 0..1.

    Two parts: the sun's shadow, which is the silhouette laid down along the light, sharp at the feet and soft far
    from them; and the dark line under what touches the ground, where no light of the sky gets in.
    """
    filled = np.flatnonzero(mask.any(1))
    top, foot = int(filled[0]), int(filled[-1])
    tall = max(foot - top + 1, 2)
    silhouette = mask.astype(np.float32)
    cast = _cast(silhouette, foot, light, tall)
    contact = _contact(mask, foot, tall)
    strength = luminance(np.asarray(light.sun, np.float32))
    share = float(strength / (strength + luminance(np.asarray(light.ambient, np.float32)) + 1e-3))
    sun = 1 - (0.32 + 0.40 * share) * cast
    # What the sun does not reach is lit by the sky: a shadow is a little blue.
    color = 1 - (1 - sun[..., None]) * np.array([1.0, 0.98, 0.94], np.float32)
    factor: Array = (color * (1 - 0.70 * contact)[..., None]).astype(np.float32)
    return factor


def _cast(silhouette: Array, foot: int, light: Light, tall: int) -> Array:
    """The silhouette sheared and flattened onto the ground, (H, W) in 0..1."""
    height, width = silhouette.shape
    x, y, z = (float(part) for part in light.direction)
    steep = max(y, 0.45)
    lean = float(np.clip(-x / steep, -1.1, 1.1))
    # Light from behind the camera throws the shadow away from it, upwards in the picture; never edge-on.
    away = _FORESHORTENING * float(np.clip(z / steep, -1, 1))
    away = away if abs(away) > 0.10 else float(np.copysign(0.10, away))
    matrix = np.array([[1, -lean, lean * foot], [0, away, foot * (1 - away)]], np.float32)
    laid = cv2.warpAffine(silhouette, matrix, (width, height), flags=cv2.INTER_LINEAR)
    rows = np.arange(height, dtype=np.float32)[:, None]
    far = smoothstep(0.02, 0.28, np.abs(rows - foot) / tall)
    shadow = blur(laid, max(0.6, 0.012 * tall)) * (1 - far) + 0.85 * blur(laid, max(0.8, 0.05 * tall)) * far
    clipped: Array = np.clip(shadow, 0, 1)
    return clipped


def _contact(mask: Array, foot: int, tall: int) -> Array:
    """Darkness under the lowest parts of the object, (H, W) in 0..1."""
    height, width = mask.shape
    lowest = height - 1 - np.argmax(mask[::-1], axis=0)
    grounded = mask.any(0) & (foot - lowest <= _NEAR_GROUND * tall)
    spots = np.zeros((height, width), np.float32)
    spots[lowest[grounded], np.flatnonzero(grounded)] = 1
    # Feet of four-legged objects stand at different depths; each keeps its own height in the picture.
    wide = cv2.dilate(spots, np.ones((max(1, round(0.02 * tall)), max(1, round(0.03 * tall))), np.uint8))
    across, down = max(0.8, 0.035 * tall), max(0.6, 0.014 * tall)
    pool = cv2.GaussianBlur(wide, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REPLICATE)
    under: Array = np.clip(2.4 * pool, 0, 1)
    return under


_LARGEST = 896
_SMALLEST = 16


def replace_background(image: Array, mask: Array, scene_name: str, rng: np.random.Generator) -> Array:
    """Put the object into a scene.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, not empty.
        scene_name: key of ``SCENES``.
        rng: decides the scene's layout and light.

    Returns:
        (H, W, 3) uint8; where ``background_region`` is False the pixels are meant to stay the photo's.
    """
    scene = _scene(image.shape[:2], mask, scene_name, rng)
    plate = match_sharpness(match_light(scene.image, scene.light, image), image, mask)
    if not touches_bottom(mask) and scene.horizon < _foot(mask):
        plate = plate * ground_shadow(mask, scene.light)
    plate = add_noise(srgb(tone(plate)), image, rng)
    return put_before((np.clip(plate, 0, 1) * 255 + 0.5).astype(np.uint8), image, mask)


def _foot(mask: Array) -> float:
    """Where the object ends below, as a fraction of the height."""
    return (int(np.flatnonzero(mask.any(1))[-1]) + 1) / int(mask.shape[0])


def _scene(shape: tuple[int, ...], mask: Array, name: str, rng: np.random.Generator) -> Scene:
    """Render the scene with its ground where the object stands; of large photos at a bounded size."""
    height, width = shape[:2]
    factor = min(1.0, _LARGEST / max(height, width))
    size = max(_SMALLEST, round(height * factor)), max(_SMALLEST, round(width * factor))
    foot = _foot(mask)
    above = float(rng.uniform(0.14, 0.30))
    # The horizon lies above the feet; how far decides from how high the camera looks down.
    horizon = 0.38 + above if touches_bottom(mask) else float(np.clip(foot - above, 0.22, 0.72))
    scene = render_scene(name, *size, rng, horizon=horizon, focus=min(foot, 0.97))
    if size == (height, width):
        return scene
    image = cv2.resize(scene.image, (width, height), interpolation=cv2.INTER_CUBIC)
    return Scene(np.maximum(image, 0), scene.light, scene.horizon)
