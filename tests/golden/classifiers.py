"""Classifiers: logits of photos for class texts, by each kind of CLIP."""

import torch

from golden.comparing import save_values
from golden.edits import photo
from unit.classifiers import tiny_clips
from varireal.classifiers.augment import Augmenter

VALUES = "classifiers/logits.json"
KINDS = tuple(sorted(tiny_clips.SAVERS))
SHAPES = ((72, 96), (96, 64))


def logits(folder, *, texts=tiny_clips.TEXTS):
    """Logits and a few features by photo, of the model in a folder."""
    clip = tiny_clips.load(folder)
    augmenter = Augmenter("none", clip.size, clip.mean, clip.std)
    found = {}
    with torch.no_grad():
        pictures = torch.from_numpy(augmenter.preprocess([photo(*shape)[0] for shape in SHAPES]))
        images, words = clip.image_features(pictures), clip.text_features(clip.tokens(texts))
        rows = clip.logits(images, words)
    for (height, width), row, features in zip(SHAPES, rows, images, strict=True):
        found |= {
            f"{height} x {width}, {text}": round(float(value), 6) for text, value in zip(texts, row, strict=True)
        }
        found |= {f"{height} x {width}, feature {k}": round(float(features[k]), 6) for k in range(4)}
    return found


def write(folder, tiny_model, scratch):
    """Every kind's logits, into ``folder/classifiers``."""
    made = {kind: tiny_clips.SAVERS[kind](scratch / kind) for kind in KINDS}
    save_values(folder / VALUES, {kind: logits(path) for kind, path in made.items()})
