"""Edits: the recipes of both presets, the modes without a mask, and the models that follow an instruction."""

import numpy as np

from golden.comparing import save_picture
from golden.models import lively
from unit.editors.diffusion.sdxl_kit import tiny_models
from varireal.backends import BackendContext
from varireal.config.edits import InstructEdits, SdxlEdits
from varireal.config.machine import MachineConfig, ModelRef
from varireal.editors.base import composite
from varireal.editors.diffusion.sdxl import SdxlEditor
from varireal.editors.frame import may_change
from varireal.editors.instruct import InstructEditor
from varireal.records import EditRequest, Prompt

ATTRIBUTES = ("background", "color", "texture")
MODES = ("text2image", "image2image")
SEED = 5
# paper: at the working size, so that the resized photo is the photo itself, and the pixels that the edit leaves alone
# are its bytes; matched: scaled to the working size and back,
# on a canvas that is no square.
SHAPES = {"paper": (48, 64), "matched": (50, 120)}
_SIZES = {"paper": 64, "matched": 96}
_INSTRUCTED = (72, 96)
_PROMPTS = {
    "background": {"name": "coral reef", "description": "Red and orange corals."},
    "color": {"name": "teal", "rgb": "#008080"},
    "texture": {"name": "knitted wool"},
}
# tiny model, attribute, settings
INSTRUCT = {
    "kontext": ("flux_kontext", "background", {"steps": 3, "size": 64}),
    "kontext_inpaint": ("flux_kontext", "color", {"steps": 3, "size": 64, "inpaint": True}),
    "klein": ("flux2_klein", "texture", {"steps": 3, "size": 128}),
    "klein_inpaint": ("flux2_klein", "background", {"steps": 3, "size": 128, "inpaint": True}),
    "qwen": ("qwen_image_edit", "color", {"steps": 2, "size": 1024, "guidance": 2.0}),
}
_CPU = MachineConfig(device="cpu", dtype="float32")


def photo(height, width):
    """A striped object with a jagged outline before tiles: soft and hard edges, dull and bright colours; its mask."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    rows, columns = rows / height, columns / width
    up, right = rows - 0.5, columns - 0.47
    jags = 0.25 * np.sin(9 * np.arctan2(up, right))
    mask = (up / 0.36) ** 2 + (right / 0.3) ** 2 + jags < 1
    ground = np.stack([60 + 120 * rows, 150 - 60 * columns, 200 - 140 * rows], -1)
    ground[(np.floor(rows * 6) + np.floor(columns * 8)) % 2 > 0] *= 0.7
    stripes = np.sin(2 * np.pi * (6 * columns + 2 * rows)) * rows
    thing = np.stack([170 + 60 * stripes, 120 + 70 * stripes * columns, 60 + 50 * rows], -1)
    return np.clip(np.where(mask[..., None], thing, ground), 0, 255).astype(np.uint8), mask


def request(attribute, shape, seed=SEED):
    image, mask = photo(*shape)
    prompt = Prompt(f"bombay.{attribute}.feasible.0", "bombay", attribute, "feasible", **_PROMPTS[attribute])
    return EditRequest(image, mask, prompt, seed, "Bombay")


def changed(wanted):
    """The pixels that an edit is about."""
    return ~wanted.mask if wanted.prompt.attribute == "background" else wanted.mask


def masked(model, preset, attribute, *, seed=SEED, **recipe):
    """The picture of a recipe as it comes into the data set.

    Args:
        model: gives a model's folder by its name, from ``golden.models.lively``.
        recipe: other parameters than the preset's.
    """
    settings = {"preset": preset, "size": _SIZES[preset], "recipes": {attribute: recipe} if recipe else {}}
    return _sdxl(model, request(attribute, SHAPES[preset], seed), **settings)


def plain(model, mode, *, seed=SEED, attribute="background"):
    """A picture of the published baselines without a mask."""
    return _sdxl(model, request(attribute, SHAPES["paper"], seed), mode=mode, size=_SIZES["paper"])


def _sdxl(model, wanted, **settings):
    block = SdxlEdits(models=tiny_models(model), **settings)
    return _finished(SdxlEditor(block, BackendContext(machine=_CPU, noun="cat")), wanted)


def instructed(model, case, *, seed=SEED, **changes):
    """A picture of a model that follows an instruction; ``changes``: other settings."""
    name, attribute, settings = INSTRUCT[case]
    block = InstructEdits(model=ModelRef(id=str(model(name))), **settings | changes)
    editor = InstructEditor.from_config(block, BackendContext(machine=_CPU, noun="cat"))
    return _finished(editor, request(attribute, _INSTRUCTED, seed))


def instructed_request(case):
    """What a case of ``INSTRUCT`` is asked for, and the pixels that it may change."""
    attribute = INSTRUCT[case][1]
    wanted = request(attribute, _INSTRUCTED)
    return wanted, may_change(wanted.mask, attribute)


def _finished(editor, wanted):
    (result,) = editor.edit([wanted])
    assert result.status == "ok", result.reason
    return composite(wanted.image, result.image, result.region)


def write(folder, tiny_model, scratch):
    """Every picture, into ``folder/edits``."""
    model = lively(tiny_model, scratch)
    for preset in SHAPES:
        for attribute in ATTRIBUTES:
            save_picture(folder / f"edits/{preset}_{attribute}.png", masked(model, preset, attribute))
    for mode in MODES:
        save_picture(folder / f"edits/{mode}.png", plain(model, mode))
    for case in INSTRUCT:
        save_picture(folder / f"edits/instruct_{case}.png", instructed(model, case))
