"""Folders of tiny models, made once per test session: ``tiny_models("sdxl_inpaint")``."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

from tiny import instruct, masks, sdxl, vlm

_SEED = 3

MAKERS = {
    "sdxl": lambda folder: sdxl.sdxl(folder, 4),
    "sdxl_base": lambda folder: sdxl.sdxl(folder, 4),
    "sdxl_inpaint": lambda folder: sdxl.sdxl(folder, 9),
    "controlnet": sdxl.controlnet,
    "ip_adapter": sdxl.ip_adapter,
    "safety_checker": sdxl.safety_checker,
    "grounding_dino": masks.grounding_dino,
    "sam2": masks.sam2,
    "sam2_video": masks.sam2_video,
    "llava_next": vlm.llava_next,
    "qwen3_vl": vlm.qwen3_vl,
    "smolvlm": vlm.smolvlm,
    "flux_kontext": instruct.flux_kontext,
    "flux2_klein": instruct.flux2_klein,
    "flux2_klein_inpaint": lambda folder: instruct.flux2_klein(folder, inpaint=True),
    "qwen_image_edit": instruct.qwen_image_edit,
}


def build(name, folder):
    """Write the model ``name`` to a folder; the same weights every time, and others for every name."""
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(_SEED + sum(name.encode()))
        MAKERS[name](folder)
    return folder
