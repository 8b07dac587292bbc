"""Speed of one core: edits per second at 256 px, by attribute, and rendered pictures per second at 128 px.

python benchmarks/pictures.py
"""

import statistics
import time

import cv2
from common import save

from varireal.config.images import DEMO_CLASSES
from varireal.core.pictures import encode_png
from varireal.metrics.measures import measure
from varireal.prompts.bank import load_bank, prompts_for, shipped_bank
from varireal.records import EditRequest, MeasuredEdit
from varireal_demo.birds_source import demo_specs, render_demo
from varireal_demo.editor import ProceduralEditor

WARM_UP, COUNTED = 4, 24


def render_rate() -> float:
    """Pictures per second at 128 px, one thread."""
    specs = demo_specs(seed=1, species=[c for c, _ in DEMO_CLASSES], train=4, val=1, test=1)
    specs = [spec for spec in specs if spec.split == "train"][: WARM_UP + COUNTED]
    for spec in specs[:WARM_UP]:
        render_demo(spec, 128)
    start = time.process_time()
    for spec in specs[WARM_UP:]:
        render_demo(spec, 128)
    return (len(specs) - WARM_UP) / (time.process_time() - start)


def edit_seconds() -> dict[str, float]:
    """Seconds per edit at 256 px with receipt and PNG, mean by attribute."""
    editor = ProceduralEditor()
    bank = load_bank(shipped_bank("demo_birds"))
    specs = demo_specs(seed=2, species=["mallard", "flamingo"], train=2, val=1, test=1)[:2]
    pictures = [(spec, *render_demo(spec, 256)) for spec in specs]
    seconds: dict[str, list[float]] = {"background": [], "color": [], "texture": []}
    for spec, image, mask in pictures:
        for prompt in prompts_for(bank, spec.class_id, spec.class_name):
            request = EditRequest(image, mask, prompt, 7)
            for counted in (False, True):
                start = time.process_time()
                result = editor.edit([request])[0]
                if result.image is None or result.region is None:
                    raise RuntimeError(result.reason)
                edit = MeasuredEdit(image, result.image, mask, result.region, prompt.attribute, result.target_rgb)
                measure(edit, {})
                encode_png(result.image)
                if counted:
                    seconds[prompt.attribute].append(time.process_time() - start)
    return {attribute: statistics.mean(values) for attribute, values in seconds.items()}


def main() -> None:
    cv2.setNumThreads(1)
    each = edit_seconds()
    mean = statistics.mean(each.values())
    save(
        "pictures",
        {
            "edits_per_second_per_core_256px": round(1 / mean, 1),
            "ms_per_edit_256px": {attribute: round(1000 * value) for attribute, value in each.items()},
            "rendered_per_second_per_core_128px": round(render_rate(), 1),
        },
    )


if __name__ == "__main__":
    main()
