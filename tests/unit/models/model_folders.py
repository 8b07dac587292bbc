"""Small repositories, in the formats that models have."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def weights(path, *, seed=0, size=64):
    """A safetensors file with two tensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tensors = {"a.weight": rng.standard_normal((size, 8)), "b.bias": rng.standard_normal(size)}
    save_file({name: value.astype(np.float32) for name, value in tensors.items()}, path)


def text(path, content="{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def model(folder, *, seed=0, licence="apache-2.0", size=64):
    """A model of transformers, with a card, and with pickled weights beside it that nobody should want."""
    folder = Path(folder)
    weights(folder / "model.safetensors", seed=seed, size=size)
    text(folder / "config.json", {"architectures": ["Sam2Model"], "model_type": "sam2"})
    text(folder / "preprocessor_config.json")
    text(folder / "README.md", f"---\nlicense: {licence}\n---\n# A model\n" if licence else "# A model\n")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04 pickled")
    return folder


def pipeline(folder):
    """A pipeline of diffusers as public repositories are: everything several times."""
    folder = Path(folder)
    parts = {"unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "EulerDiscreteScheduler"]}
    index = {"_class_name": "StableDiffusionXLPipeline", **parts, "tokenizer": ["transformers", "CLIPTokenizer"]}
    text(folder / "model_index.json", index | {"image_encoder": [None, None], "force_zeros": True})
    for name in ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"):
        weights(folder / "unet" / name)
        weights(folder / "vae_1_0" / name)
    for name in ("model.onnx", "model.onnx_data", "diffusion_pytorch_model.bin", "flax_model.msgpack"):
        text(folder / "unet" / name, "x")
    weights(folder / "sd_xl_base_1.0.safetensors")
    text(folder / "unet" / "config.json", {"_class_name": "UNet2DConditionModel"})
    text(folder / "scheduler" / "scheduler_config.json")
    text(folder / "tokenizer" / "vocab.json")
    text(folder / "tokenizer" / "merges.txt", "a b")
    text(folder / "LICENSE.md", "be good")
    text(folder / "README.md", "---\nlicense: openrail++\n---\n")
    return folder


def names_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
