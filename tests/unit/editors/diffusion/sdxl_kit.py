"""A photo, an editor on tiny models, and requests for it."""

import numpy as np

from varireal.backends import BackendContext
from varireal.config.edits import SdxlEdits, SdxlModels
from varireal.config.machine import MachineConfig, ModelRef
from varireal.editors.diffusion.sdxl import SdxlEditor
from varireal.records import EditRequest, Prompt

SIZE = 64
# Recipes of few steps, for what does not depend on their number; with ``strength``, two of inpainting are made.
_OBJECT = {"steps": 7, "control_steps": 3}
FEW_STEPS = {
    "background": {"steps": 3, "prior": {"steps": 2}},
    "color": _OBJECT,
    "texture": {**_OBJECT, "prior": {"steps": 2}},
}


def tiny_models(tiny_model, **changes):
    def ref(name):
        return ModelRef(id=str(tiny_model(name)))

    adapter = ModelRef(
        id=str(tiny_model("ip_adapter")),
        subfolder="sdxl_models",
        file="ip-adapter-plus_sdxl_vit-h.safetensors",
    )
    models = {
        "inpaint": ref("sdxl_inpaint"),
        "base": ref("sdxl_base"),
        "controlnet": ref("controlnet"),
        "ip_adapter": adapter,
        "vae": None,
        "prior": ref("sdxl"),
        "plain": ref("sdxl"),
    }
    return SdxlModels(**models | changes)


def make_editor(models, *, batch=1, noun="pet", **settings):
    settings = SdxlEdits(models=models, **{"size": SIZE} | settings)
    return SdxlEditor(settings, BackendContext(machine=MachineConfig(batch_size=batch), noun=noun))


def photo(height=48, width=60, seed=0):
    """A smooth picture with an object in it, and its mask."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 6, 3), np.uint8)
    rows, columns = np.linspace(0, 5, height).astype(int), np.linspace(0, 5, width).astype(int)
    image = coarse[rows][:, columns]
    mask = np.zeros((height, width), bool)
    mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
    return image, mask


def request(attribute, *, feasibility="feasible", seed=5, name=None, class_name="Bombay", shape=(48, 60), **prompt):
    image, mask = photo(*shape)
    name = name or {"background": "wooden pier", "color": "red", "texture": "knitted wool"}[attribute]
    description = prompt.pop("description", "Grey planks, wet." if attribute == "background" else "")
    made = Prompt(f"cat.{attribute}.{feasibility}.0", "cat", attribute, feasibility, name, description, **prompt)
    return EditRequest(image, mask, made, seed, class_name)
