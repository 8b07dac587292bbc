"""SDXL, ControlNet and IP-Adapter with random weights, of the published sizes or tiny; no download."""

import sys
from pathlib import Path

import torch
from common import ROOT
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerDiscreteScheduler,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

sys.path.insert(0, str(ROOT / "tests"))
from tiny.models import build
from tiny.sdxl import adapter_weights
from tiny.tokenizers import clip_tokenizer

NAMES = ("sdxl", "sdxl_base", "sdxl_inpaint", "controlnet", "ip_adapter")

# Stable Diffusion XL base 1.0 as its published configs say.
UNET = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "layers_per_block": 2,
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
    "use_linear_projection": True,
}
UP = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")


def unet(in_channels: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(in_channels=in_channels, out_channels=4, sample_size=128, up_block_types=UP, **UNET)


def vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=1024,
        scaling_factor=0.13025,
        force_upcast=False,
    )


def text_models() -> tuple[CLIPTextModel, CLIPTextModelWithProjection]:
    """CLIP ViT-L and OpenCLIP ViT-bigG; the vocabulary is that of the tests' tokenizers, which changes no time."""
    first, second = clip_tokenizer(), clip_tokenizer(pad="!")
    large = CLIPTextConfig(
        vocab_size=len(first), hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
    )
    giant = CLIPTextConfig(
        vocab_size=len(second),
        hidden_size=1280,
        intermediate_size=5120,
        num_hidden_layers=32,
        num_attention_heads=20,
        projection_dim=1280,
        hidden_act="gelu",
    )
    for config, tokenizer in ((large, first), (giant, second)):
        config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
        config.pad_token_id = tokenizer.pad_token_id
    return CLIPTextModel(large), CLIPTextModelWithProjection(giant)


def image_encoder() -> CLIPVisionModelWithProjection:
    """OpenCLIP ViT-H/14."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=1280,
            intermediate_size=5120,
            num_hidden_layers=32,
            num_attention_heads=16,
            patch_size=14,
            projection_dim=1024,
        )
    )


def write_full(folder: Path) -> None:
    """The models of the published sizes, about 20 GB in 16 bits, made on the GPU."""
    torch.manual_seed(0)
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
    )
    with torch.device("cuda"):
        first, second = text_models()
        shared = {"vae": vae().half(), "text_encoder": first.half(), "text_encoder_2": second.half()}
        for name, channels in (("sdxl_base", 4), ("sdxl_inpaint", 9)):
            kind = StableDiffusionXLInpaintPipeline if channels == 9 else StableDiffusionXLPipeline
            model = unet(channels).half()
            tokenizers = {"tokenizer": clip_tokenizer(), "tokenizer_2": clip_tokenizer(pad="!")}
            kind(unet=model, scheduler=scheduler, **shared, **tokenizers).save_pretrained(folder / name)
            if channels == 4:
                weights = folder / "ip_adapter" / "sdxl_models" / "ip-adapter-plus_sdxl_vit-h.safetensors"
                weights.parent.mkdir(parents=True)
                full = adapter_weights(model, encoder=1280, hidden=1280, heads=20, tokens=16)
                save_file({key: value.half() for key, value in full.items()}, weights)
            del model
        image_encoder().half().save_pretrained(folder / "ip_adapter" / "models" / "image_encoder")
        ControlNetModel(**UNET).half().save_pretrained(folder / "controlnet")
    (folder / "sdxl").symlink_to(folder / "sdxl_base")


def write_models(folder: Path, *, full: bool) -> dict[str, Path]:
    """Folders of the models by name."""
    if full:
        write_full(folder)
    else:
        for name in NAMES:
            build(name, folder / name)
    return {name: folder / name for name in NAMES}
