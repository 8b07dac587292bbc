"""Tiny editing models with weights by which every stage shows in the picture.

By the libraries' small first weights, the tiny models give noise that hardly knows its prompt or its photo, and a
ControlNet that does nothing. Here every weight is drawn anew with a spread that keeps a signal's size, by numpy and
from the weight's own name: neither a library's first weights nor the make of the CPU is in them.
"""

import shutil
import zlib

import numpy as np
from safetensors.numpy import load_file, save_file

_BIAS = 0.1
# Latents as large as the noise of the first steps: what is painted into a photo is seen through it.
_LATENTS = 40.0
_SURE = -30.0  # logarithm of the variance, at which the encoder adds no noise


def lively(tiny_model, folder):
    """As the fixture ``tiny_model``, with new weights; the models are written into ``folder``."""

    def model(name):
        made = folder / name
        return made if made.exists() else _redrawn(tiny_model(name), made, name)

    return model


def _redrawn(source, folder, model):
    shutil.copytree(source, folder)
    for path in sorted(folder.rglob("*.safetensors")):
        place = f"{model}/{path.relative_to(folder).as_posix()}"
        weights = {name: _drawn(value, f"{place}/{name}") for name, value in load_file(path).items()}
        if "quant_conv.weight" in weights:
            mean = len(weights["quant_conv.weight"]) // 2
            weights["quant_conv.weight"][:mean] *= _LATENTS
            weights["quant_conv.weight"][mean:] = 0
            weights["quant_conv.bias"][mean:] = _SURE
        save_file(weights, path, metadata={"format": "pt"})
    return folder


def _drawn(value, name):
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(value.shape)
    if value.ndim > 1:
        return (noise * value[0].size ** -0.5).astype(value.dtype)
    if name.endswith("bias"):
        return (noise * _BIAS).astype(value.dtype)
    return value
