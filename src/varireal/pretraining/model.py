"""The small CLIP as an open_clip model: its size, and how it is saved."""

import json
from pathlib import Path
from typing import Any

from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_file

from varireal.pretraining.tokenizer import CONTEXT

SIZE = 64


def architecture(vocabulary: int) -> dict[str, Any]:
    """open_clip's model config: a ViT of 4 layers at 64 pixels and a text transformer of 2 layers."""
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": SIZE, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": vocabulary, "width": 128, "heads": 4, "layers": 2},
    }


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a folder that ``open_clip.create_model('local-dir:...')`` reads, tokenizer included."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    config = architecture(len(tokenizer))
    config["text_cfg"]["hf_tokenizer_name"] = "local"  # any name: open_clip then reads the folder
    settings = {"model_cfg": config, "preprocess_cfg": {"mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD}}
    (folder / "open_clip_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    weights = {name: value.detach().float().contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
