"""A shaded, furry object before a plain ground, in several colours."""

import cv2
import numpy as np

SIZE = 96


def shape(size=SIZE):
    """An egg-shaped mask."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    return ((rows - 0.5) / 0.34) ** 2 + ((columns - 0.5) / 0.26) ** 2 < 1


def photo(rgb, *, size=SIZE, contrast=0.35):
    """An object of one pigment, lit from above, with fine fur; photo and mask."""
    mask = shape(size)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    fur = cv2.GaussianBlur(np.random.default_rng(3).standard_normal((size, size)).astype(np.float32), (0, 0), 1)
    shade = 1 + contrast * (0.5 - rows) * 2 + 0.12 * fur
    ground = np.stack([0.4 + 0.1 * rows, 0.45 + 0 * rows, 0.35 + 0.1 * columns], -1)
    colored = np.asarray(rgb, np.float32) * shade[..., None]
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)[..., None]
    return (np.clip(colored * soft + ground * (1 - soft), 0, 1) * 255).astype(np.uint8), mask
