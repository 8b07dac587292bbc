"""Edits per second: the editor against the published way of doing the same work, same weights and steps, one run.

python benchmarks/edits.py            # full size on a GPU, tiny without one

The published way, written out in tests/unit/editors/diffusion/published.py: one picture at a time, text encoded for
each, a prior of its own for each, eager, CPU offload on a GPU. Random weights, no download. Printed besides: few steps
with a pool, the share of the GPU's bf16 peak, and what a job of the stage edits costs beyond the calls of the models.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import edit_models
import torch
from common import ROOT, save

sys.path.insert(0, str(ROOT / "tests"))
from unit.editors.diffusion.published import Published
from unit.editors.diffusion.sdxl_kit import request
from varireal.backends import BackendContext
from varireal.config.edits import SdxlEdits, SdxlModels, Speed
from varireal.config.machine import MachineConfig, ModelRef
from varireal.editors.diffusion.canvas import Canvas
from varireal.editors.diffusion.sdxl import SdxlEditor
from varireal.models.device import find_device, quiet
from varireal.records import EditRequest

ATTRIBUTES = ("background", "color", "texture")
_POOL = 8
_SHAPE = (768, 1024)  # most photographs are 4:3
# Dense bf16 peak in TFLOPS of cards that this is likely to run on, from their data sheets.
_PEAK = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "RTX 4090": 165.0}


def editor(places: dict[str, Path], size: int, batch: int | None, **settings: object) -> SdxlEditor:
    def ref(name: str, **more: str) -> ModelRef:
        return ModelRef(id=str(places[name]), **more)

    models = SdxlModels(
        inpaint=ref("sdxl_inpaint"),
        base=ref("sdxl_base"),
        controlnet=ref("controlnet"),
        ip_adapter=ref("ip_adapter", subfolder="sdxl_models", file="ip-adapter-plus_sdxl_vit-h.safetensors"),
        vae=None,
        prior=ref("sdxl"),
    )
    made = SdxlEdits(models=models, size=size, pool_size=_POOL, **settings)
    return SdxlEditor(made, BackendContext(MachineConfig(batch_size=batch), "pet"))


def published(places: dict[str, Path], size: int, *, on_gpu: bool) -> Published:
    """The published way; models wait in the machine's memory, as its code always has it."""
    folders = {"inpaint": "sdxl_inpaint", "base": "sdxl_base", "prior": "sdxl"}
    names = {**folders, "controlnet": "controlnet", "ip_adapter": "ip_adapter"}
    made = Published({part: places[name] for part, name in names.items()}, size)
    if on_gpu:
        for pipe in (made.inpaint, made.control, made.prior):
            pipe.to(dtype=torch.float16)
            pipe.enable_model_cpu_offload()
    return made


def published_call(way: Published, wanted: EditRequest, size: int) -> None:
    """One edit, from photo to photo."""
    canvas, inner, shape = way.letterbox(wanted.image)
    mask = Canvas.of(wanted.mask.shape, size, square=True).place_mask(wanted.mask)
    prompt, seed = wanted.prompt, wanted.seed
    item = f"({prompt.name})1.3" + (f": {prompt.description}" if prompt.description else "")
    if prompt.attribute == "background":
        made = way.background(
            canvas, mask, item, wanted.class_name, seed=seed, prior_seed=seed, ring=max(1, 120 * size // 1024), blur=3
        )
    elif prompt.attribute == "color":
        made = way.color(canvas, mask, item, wanted.class_name, (255, 0, 0), seed=seed, alpha=0.4, scale=0.7)
    else:
        crop = max(8, size // 4)
        made = way.texture(
            canvas, mask, item, wanted.class_name,
            seed=seed, prior_seed=seed, corner=(0, 0), crop=crop, alpha=0.45, scale=0.35,
        )  # fmt: skip
    way.unletterbox(made, inner, shape)


def published_all(way: Published, wanted: list[EditRequest], size: int) -> None:
    for one in wanted:
        published_call(way, one, size)


def rate(work: Callable[[], None], count: int) -> float:
    """Things per second of one call that makes ``count``, after one that is not counted."""
    work()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def requests(attribute: str, count: int, shape: tuple[int, int]) -> list[EditRequest]:
    return [request(attribute, seed=seed, shape=shape) for seed in range(count)]


def pooled(made: SdxlEditor, wanted: list[EditRequest]) -> list[EditRequest]:
    """Requests with their priors; the pool of a prompt is made once, and its time counts."""
    entries = made.pool(wanted[0].prompt, wanted[0].class_name, 22)
    pictures = made.make_priors(entries)
    if not pictures:
        return wanted
    return [
        EditRequest(one.image, one.mask, one.prompt, one.seed, one.class_name, pictures[number % len(pictures)])
        for number, one in enumerate(wanted)
    ]


def flops(made: SdxlEditor, wanted: list[EditRequest]) -> float:
    """Floating-point operations of one edit, counted by torch."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        made.edit(wanted[:1])
    return float(counter.get_total_flops())


def compare(places: dict[str, Path], size: int, counts: tuple[int, int], *, on_gpu: bool) -> dict[str, object]:
    few, many = counts
    shape = (size * _SHAPE[0] // _SHAPE[1], size)
    way = published(places, size, on_gpu=on_gpu)
    before: dict[str, float] = {}
    for attribute in ATTRIBUTES:
        wanted = requests(attribute, few, shape)
        before[attribute] = rate(lambda way=way, wanted=wanted: published_all(way, wanted, size), few)
    del way
    figures: dict[str, object] = {"published edits/s": rounded(before)}
    ways = {
        "matched, same steps": {},
        "few steps and pool": {"speed": Speed(scheduler="lcm", steps=4, guidance=1.0)},
    }
    for label, settings in ways.items():
        made = editor(places, size, None if on_gpu else many, **settings)
        after, share = {}, {}
        for attribute in ATTRIBUTES:
            # the pool serves 100 photos per prompt in a study; here its time is spread over that many
            wanted = pooled(made, requests(attribute, many, shape))
            edits = rate(lambda wanted=wanted, made=made: made.edit(wanted), many)
            spread = pool_seconds(made, attribute, shape) / 100
            after[attribute] = 1 / (1 / edits + spread)
            if on_gpu:
                share[attribute] = flops(made, wanted) * edits / (peak() * 1e12)
        figures[f"{label}: edits/s"] = rounded(after)
        figures[f"{label}: times the published"] = rounded({key: after[key] / before[key] for key in ATTRIBUTES})
        total = sum(1 / before[key] for key in ATTRIBUTES) / sum(1 / after[key] for key in ATTRIBUTES)
        figures[f"{label}: times the published, all three"] = round(total, 2)
        if share:
            figures[f"{label}: share of the bf16 peak"] = rounded(share)
        del made
    return figures


def pool_seconds(made: SdxlEditor, attribute: str, shape: tuple[int, int]) -> float:
    one = requests(attribute, 1, shape)[0]
    entries = made.pool(one.prompt, one.class_name, 22)
    return len(entries) / rate(lambda: made.make_priors(entries), len(entries)) if entries else 0.0


def overhead(places: dict[str, Path], size: int, count: int) -> dict[str, float]:
    """Share of the time of ``count`` edits that is not spent in the pipelines' calls."""
    made = editor(places, size, 8)
    inside = [0.0]
    pipe = made._pipes.inpaint
    call = type(pipe).__call__

    def timed(self: object, *args: object, **kwargs: object) -> object:
        start = time.perf_counter()
        result = call(self, *args, **kwargs)
        inside[0] += time.perf_counter() - start
        return result

    type(pipe).__call__ = timed
    try:
        wanted = pooled(made, requests("background", count, (size * 3 // 4, size)))
        made.edit(wanted[:8])
        inside[0] = 0.0
        start = time.perf_counter()
        made.edit(wanted)
        whole = time.perf_counter() - start
    finally:
        type(pipe).__call__ = call
    return {
        "items": count,
        "seconds": round(whole, 2),
        "share outside the model calls": round(1 - inside[0] / whole, 4),
    }


def peak() -> float:
    name = torch.cuda.get_device_name()
    return next((value for card, value in _PEAK.items() if card in name), float("nan"))


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 3) for key, value in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("full", "tiny"), help="default: full on a GPU")
    size = parser.parse_args().size
    device = find_device(MachineConfig())
    full = size == "full" or (size is None and device.on_gpu)
    quiet()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        places = edit_models.write_models(Path(folder), full=full)
        side, counts = (1024, (2, 16)) if full else (64, (4, 8))
        with torch.inference_mode():
            figures = compare(places, side, counts, on_gpu=device.on_gpu)
            figures["job"] = overhead(places, side, 200 if not full else 64)
    save("edits", {"device": device.told, "dtype": device.dtype_name, "size": side, **figures})


if __name__ == "__main__":
    main()
