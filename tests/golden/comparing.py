"""Comparing with the kept files: what differs is told with file, figure and bound, and saved for a person to see."""

import json
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
SCRIPT = "python tests/golden/make.py"


def psnr(one, other):
    """Peak signal-to-noise ratio of two uint8 pictures in dB; infinite when they are equal."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


def iou(one, other):
    """Overlap of two bool masks; 1 when both are empty."""
    union = (one | other).sum()
    return (one & other).sum() / union if union else 1.0


def kept_picture(name):
    """(H, W, 3) uint8 RGB, or (H, W) for a mask."""
    path = HERE / name
    assert path.exists(), f"{path} is missing; write it: {SCRIPT}"
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return found if found.ndim == 2 else found[..., ::-1]


def save_picture(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1]))


def check_picture(name, found, tmp_path, *, bound, inside=None):
    """``inside``: the pixels that are compared; None for all."""
    expected = kept_picture(name)
    if expected.shape != found.shape:
        _fail(name, found, tmp_path, f"shape {found.shape}, expected {expected.shape}")
    inside = np.ones(found.shape[:2], bool) if inside is None else inside
    figure = psnr(found[inside], expected[inside])
    if not figure >= bound:
        _fail(name, found, tmp_path, f"PSNR {figure:.1f} dB, expected at least {bound:g} dB")


def check_mask(name, found, tmp_path, *, bound):
    """``found``: (H, W) bool."""
    expected = kept_picture(name) > 0
    picture = found.astype(np.uint8) * 255
    if expected.shape != found.shape:
        _fail(name, picture, tmp_path, f"shape {found.shape}, expected {expected.shape}")
    figure = iou(found, expected)
    if not figure >= bound:
        _fail(name, picture, tmp_path, f"IoU {figure:.4f}, expected at least {bound:g}")


def _fail(name, picture, tmp_path, figure):
    save_picture(tmp_path / name, picture)
    raise AssertionError(
        f"{HERE / name}: {figure}. The new picture is {tmp_path / name}; look at both, and if the new one is right: "
        f"{SCRIPT}"
    )


def kept_values(name):
    path = HERE / name
    assert path.exists(), f"{path} is missing; write it: {SCRIPT}"
    return json.loads(path.read_text(encoding="utf-8"))


def save_values(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def check_values(name, found, tmp_path, *, bound, part=None):
    """Numbers differ by ``bound`` at most, everything else is equal.

    Args:
        name: a JSON file with a dictionary of dictionaries.
        found: the same, or its ``part``.
    """
    expected = kept_values(name)
    whole = found if part is None else expected | {part: found}
    wrong = []
    for group in sorted({*expected, *whole}):
        old, new = expected.get(group, {}), whole.get(group, {})
        wrong += [
            f"{group}, {key}: {new.get(key)}, expected {old.get(key)} within {bound:g}"
            for key in sorted({*old, *new})
            if not _close(old.get(key), new.get(key), bound)
        ]
    if wrong:
        save_values(tmp_path / name, whole)
        told = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise AssertionError(
            f"{HERE / name}: {told}. The new values are in {tmp_path / name}; if they are right: {SCRIPT}"
        )


def _close(old, new, bound):
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new))
    return abs(old - new) <= bound if numbers else old == new
