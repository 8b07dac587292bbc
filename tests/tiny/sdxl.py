"""SDXL and what the recipes put around it: inpainting, ControlNet, IP-Adapter, few-step LoRA, safety checker."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerDiscreteScheduler,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import save_file
from transformers import (
    CLIPConfig,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from tiny.tokenizers import clip_tokenizer

_UNET = {
    "block_out_channels": (8, 16),
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "attention_head_dim": (2, 4),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "use_linear_projection": True,
    "transformer_layers_per_block": (1, 1),
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 16 + 6 * 8,
    "cross_attention_dim": 32,
}
_HIDDEN = 64  # of the adapter's resampler


def _text_model(kind, tokenizer):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=3,  # SDXL reads the one before the last
        num_attention_heads=2,
        projection_dim=16,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return kind(config).eval()


def unet(in_channels):
    return UNet2DConditionModel(
        in_channels=in_channels,
        out_channels=4,
        sample_size=32,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **_UNET,
    ).eval()


def vae():
    return AutoencoderKL(
        block_out_channels=[8, 8],
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        sample_size=64,
        scaling_factor=0.13025,
        force_upcast=False,
    ).eval()


def sdxl(folder, in_channels=4, tokenizer=clip_tokenizer, **save):
    """A pipeline's folder: text to image with 4 channels, inpainting with 9."""
    first, second = tokenizer(), tokenizer(pad="!")
    kind = StableDiffusionXLInpaintPipeline if in_channels == 9 else StableDiffusionXLPipeline
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
    )
    kind(
        vae=vae(),
        unet=unet(in_channels),
        scheduler=scheduler,
        tokenizer=first,
        tokenizer_2=second,
        text_encoder=_text_model(CLIPTextModel, first),
        text_encoder_2=_text_model(CLIPTextModelWithProjection, second),
    ).save_pretrained(folder, **save)


def controlnet(folder, **save):
    ControlNetModel(conditioning_embedding_out_channels=(8, 8), **_UNET).eval().save_pretrained(folder, **save)


def ip_adapter(folder, model=None):
    """The public repository's layout: ``sdxl_models/*.safetensors`` and ``models/image_encoder``."""
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
            projection_dim=24,
        )
    )
    encoder.eval().save_pretrained(Path(folder, "models", "image_encoder"))
    weights = Path(folder, "sdxl_models", "ip-adapter-plus_sdxl_vit-h.safetensors")
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_file(adapter_weights(model or unet(4)), weights)


def adapter_weights(model, *, encoder=32, hidden=_HIDDEN, heads=1, tokens=4):
    """Random weights of an IP-Adapter plus for a UNet: the image projection, and keys and values of its attentions.

    The projection has four layers of attention with 64 rows per head; attentions are numbered 1, 3, 5 ...
    """
    width, rows = model.config.cross_attention_dim, 64 * heads
    state = {
        "latents": _random(1, tokens, hidden),
        "proj_in.weight": _random(hidden, encoder),
        "proj_in.bias": _random(hidden),
        "proj_out.weight": _random(width, hidden),
        "proj_out.bias": _random(width),
        "norm_out.weight": torch.ones(width),
        "norm_out.bias": torch.zeros(width),
    }
    for layer in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            state[f"layers.{layer}.{norm}.weight"] = torch.ones(hidden)
            state[f"layers.{layer}.{norm}.bias"] = torch.zeros(hidden)
        state |= {
            f"layers.{layer}.0.to_q.weight": _random(rows, hidden),
            f"layers.{layer}.0.to_kv.weight": _random(2 * rows, hidden),
            f"layers.{layer}.0.to_out.weight": _random(hidden, rows),
            f"layers.{layer}.1.1.weight": _random(4 * hidden, hidden),
            f"layers.{layer}.1.3.weight": _random(hidden, 4 * hidden),
        }
    full, number = {f"image_proj.{name}": value for name, value in state.items()}, 1
    for name in model.attn_processors:
        if name.endswith("attn2.processor"):
            keys = model.get_submodule(name.removesuffix(".processor")).to_k.weight.shape[0]
            full[f"ip_adapter.{number}.to_k_ip.weight"] = _random(keys, width)
            full[f"ip_adapter.{number}.to_v_ip.weight"] = _random(keys, width)
            number += 2
    return full


def _random(*shape):
    return torch.randn(*shape) * 0.05


def safety_checker(folder):
    """Stable Diffusion's checker, with thresholds that nothing random reaches."""
    config = CLIPConfig(
        text_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 16,
        },
        projection_dim=16,
    )
    checker = StableDiffusionSafetyChecker(config).eval()
    with torch.no_grad():
        checker.concept_embeds.copy_(_random(17, 16))
        checker.special_care_embeds.copy_(_random(3, 16))
        checker.concept_embeds_weights.fill_(2.0)  # no cosine is above it
        checker.special_care_embeds_weights.fill_(2.0)
    checker.save_pretrained(folder)
