"""The finished studies, and the configs whose digests and keys are on record."""

import os
import shutil
from pathlib import Path

import yaml
from PIL import Image

from kit import CLASSIFIERS, ROOT, TINY
from published_kit import MAKERS

STUDIES = ROOT / "studies"
TINY_MODELS = "models/tiny"
# What the study tiny_sdxl loads; the other tiny models are not in it.
SDXL_MODELS = (
    *("sdxl", "sdxl_base", "sdxl_inpaint", "controlnet", "ip_adapter", "safety_checker"),
    *("grounding_dino", "sam2", "qwen3_vl"),
)
# A date for files that a study reads, in whole seconds: the listing of photos has it in its digest.
DATE = 1_700_000_000

# The demo in small, with classifiers.
DEMO = TINY | {
    "study": TINY["study"] | {"name": "demo_small"},
    "adapters": CLASSIFIERS | {"seeds": 1, "lora": {"r": 2}},
}


def tiny_sdxl() -> dict:
    """The preset as it is, one picture in a call: only so is a picture that is made again equal to the bit."""
    raw = yaml.safe_load((STUDIES / "tiny_sdxl.yaml").read_text("utf-8"))
    return raw | {"machine": {"batch_size": 1}, "edits": raw["edits"] | {"batch_size": 1}}


def photographs(url: str) -> dict:
    """Photographs, prompts of a language model, verdicts of a vision model: both are the server at ``url``."""
    server = {"base_url": url}
    return {
        "study": {"name": "photographs", "seed": 3, "max_failed_fraction": 1.0},
        "images": {"source": "folder", "noun": "thing", "folder": {"path": "photos"}, "val_fraction": 0.0,
                   "test_fraction": 0.0, "near_duplicate_distance": None},
        "prompts": {"source": "openai", "openai": {"model": "m", "count": 2, "server": server}},
        "masks": {"backend": "grabcut"},
        "edits": {"rounds": 1},
        "verdicts": {"judge": "openai", "openai": {"model": "m", "server": server}},
        "adapters": {"regimes": []},
    }  # fmt: skip


def make_photographs(folder: Path) -> None:
    """Two classes of small photographs: crops of pictures in the public domain that scikit-image ships."""
    from skimage import data

    crops = {
        "cat": (data.chelsea(), ((10, 60), (20, 100), (0, 30))),
        "cup": (data.coffee(), ((20, 120), (60, 150), (100, 180))),
    }
    for name, (picture, corners) in crops.items():
        for number, (top, left) in enumerate(corners):
            path = folder / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            crop = Image.fromarray(picture[top : top + 250, left : left + 300])
            crop.resize((144, 120), Image.Resampling.LANCZOS).save(path)
            os.utime(path, (DATE, DATE))


# Configs on top of others, for backends that no file in studies/ uses.
VARIANTS = {
    "instruct": ("tiny_sdxl.yaml", {"edits": {"backend": "instruct"}}),
    "hosted": (
        "my_photos.yaml",
        {"edits": {"backend": "openai_images"}, "verdicts": {"judge": "openai", "openai": {"model": "m"}},
         "masks": {"backend": "matting", "fallback": ["grabcut"]},
         "prompts": {"source": "openai", "openai": {"model": "m", "count": 3, "shared": ["texture"]}}},
    ),
    "paper": (
        "oxford_pets.yaml",
        {"edits": {"sdxl": {"preset": "paper"}}, "verdicts": {"questions": {"preset": "paper"}}},
    ),
    "plain": ("stanford_cars.yaml", {"edits": {"attributes": ["color"], "sdxl": {"mode": "image2image"}}}),
}  # fmt: skip


def recorded_configs() -> dict[str, dict]:
    """Every config on record by its name: the demo, the files in ``studies/`` and the variants."""
    files = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted(STUDIES.glob("*.yaml"))}
    demo = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    variants = {name: merged(files[base], update) for name, (base, update) in VARIANTS.items()}
    return {"config.yaml": demo, **files, **variants}


def merged(base: dict, update: dict) -> dict:
    """A config with another on top, as Snakemake puts one on the other."""
    whole = dict(base)
    for key, value in update.items():
        both = isinstance(value, dict) and isinstance(whole.get(key), dict)
        whole[key] = merged(whole[key], value) if both else value
    return whole


def make_data(folder: Path) -> None:
    """What the recorded configs read: photos of every source, and stand-ins for the tiny models."""
    for name, make in MAKERS.items():
        make(folder / "data" / name)
    picture = next((folder / "data").rglob("*.jpg"))
    for place in ("terrier/0.jpg", "terrier/1.jpg", "car/0.jpg"):
        path = folder / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, path)
    for name in SDXL_MODELS:
        # an identity reads a model's files and loads none of them
        for inside in ("", "vae", "sdxl_models", "models/image_encoder"):
            path = folder / TINY_MODELS / name / inside / "config.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'{{"stand-in": "{name}/{inside}"}}')
    weights = folder / TINY_MODELS / "ip_adapter" / "sdxl_models" / "ip-adapter-plus_sdxl_vit-h.safetensors"
    weights.write_bytes(b"stand-in")
    for path in folder.rglob("*"):
        os.utime(path, (DATE, DATE))
