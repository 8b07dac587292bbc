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
_TOKENS, _HIDDEN, _HEADS = 16, 1280, 20  # of the adapter's resampler


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


def adapter(model: UNet2DConditionModel) -> dict[str, torch.Tensor]:
    """Weights of an IP-Adapter plus for the UNet, in 16 bits."""

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float16) * 0.02

    width, inner = UNET["cross_attention_dim"], _HEADS * 64
    state = {"latents": random(1, _TOKENS, _HIDDEN)}
    for name, (rows, columns) in {"proj_in": (_HIDDEN, 1280), "proj_out": (width, _HIDDEN)}.items():
        state |= {f"{name}.weight": random(rows, columns), f"{name}.bias": random(rows)}
    state |= {"norm_out.weight": torch.ones(width), "norm_out.bias": torch.zeros(width)}
    for layer in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            state[f"layers.{layer}.{norm}.weight"] = torch.ones(_HIDDEN)
            state[f"layers.{layer}.{norm}.bias"] = torch.zeros(_HIDDEN)
        state |= {
            f"layers.{layer}.0.to_q.weight": random(inner, _HIDDEN),
            f"layers.{layer}.0.to_kv.weight": random(2 * inner, _HIDDEN),
            f"layers.{layer}.0.to_out.weight": random(_HIDDEN, inner),
            f"layers.{layer}.1.1.weight": random(4 * _HIDDEN, _HIDDEN),
            f"layers.{layer}.1.3.weight": random(_HIDDEN, 4 * _HIDDEN),
        }
    full, number = {f"image_proj.{name}": value for name, value in state.items()}, 1
    for name in model.attn_processors:
        if name.endswith("attn2.processor"):
            rows = model.get_submodule(name.removesuffix(".processor")).to_k.weight.shape[0]
            full[f"ip_adapter.{number}.to_k_ip.weight"] = random(rows, width)
            full[f"ip_adapter.{number}.to_v_ip.weight"] = random(rows, width)
            number += 2
    return full


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
                save_file({key: value.contiguous() for key, value in adapter(model).items()}, weights)
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
