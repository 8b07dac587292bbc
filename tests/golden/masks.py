"""Masks: Grounding DINO with SAM 2, and a background-removal model in an ONNX file."""

import numpy as np

from golden.comparing import save_picture, save_values
from golden.edits import photo
from tiny import onnx_files
from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.masks import GroundedSam2Masks, MattingMasks
from varireal.segmenters.grounded_sam2 import GroundedSam2Segmenter
from varireal.segmenters.matting import MattingSegmenter

VALUES = "masks/values.json"
_CONTEXT = BackendContext(MachineConfig(device="cpu", dtype="float32"), "bird")
# photo (height, width), class, settings
GROUNDED = {
    "gull": ((96, 128), "herring gull", {"several": "best"}),
    "egret": ((96, 96), "snowy egret", {"several": "best", "refine": "fill"}),
    "union": ((96, 128), "herring gull", {"several": "union", "margin": 0.3}),
    "several": ((96, 128), "herring gull", {"margin": 0.3}),
    "nothing": ((96, 128), "herring gull", {"box_threshold": 0.99}),
}
MATTING = {"matting": ((72, 96), {}), "matting_tall": ((96, 64), {"output": "minmax"})}


def grounded(tiny_model, case, **changes):
    shape, name, settings = GROUNDED[case]
    block = GroundedSam2Masks(
        detector=ModelRef(id=str(tiny_model("grounding_dino"))),
        segmenter=ModelRef(id=str(tiny_model("sam2"))),
        **{"box_threshold": 0.0, "text_threshold": 0.0} | settings | changes,
    )
    return _found(GroundedSam2Segmenter.from_config(block, _CONTEXT), shape, name)


def matting(scratch, case, **changes):
    shape, settings = MATTING[case]
    path = onnx_files.network(scratch / "random.onnx", side=9)
    block = MattingMasks(model=ModelRef(id=str(path)), **{"size": 64} | settings | changes)
    return _found(MattingSegmenter.from_config(block, _CONTEXT), shape, "gull")


def _found(segmenter, shape, name):
    (result,) = segmenter.segment([photo(*shape)[0]], [None], [name])
    return result


def values(result):
    """What is told beside the mask."""
    return {"status": str(result.status), "score": result.score, "objects": result.objects}


def write(folder, tiny_model, scratch):
    """Every mask and what is told beside it, into ``folder/masks``."""
    found = {case: grounded(tiny_model, case) for case in GROUNDED}
    found |= {case: matting(scratch, case) for case in MATTING}
    for case, result in found.items():
        if result.mask is not None:
            save_picture(folder / f"masks/{case}.png", result.mask.astype(np.uint8) * 255)
    save_values(folder / VALUES, {case: values(result) for case, result in found.items()})
