"""Text-to-image models of other families, for prior pictures, with random weights."""

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    PNDMScheduler,
    QwenImagePipeline,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)

from tiny import instruct
from tiny.tokenizers import byte_tokenizer, clip_tokenizer, qwen_tokenizer


def _clip(kind, tokenizer):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        projection_dim=16,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return kind(config).eval()


def _vae(**settings):
    return AutoencoderKL(
        block_out_channels=[4, 4],
        norm_num_groups=2,
        layers_per_block=1,
        latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        **settings,
    ).eval()


_FLOW = {"use_quant_conv": False, "use_post_quant_conv": False, "shift_factor": 0.1, "scaling_factor": 0.4}


def stable_diffusion(folder, tokenizer=clip_tokenizer):
    """The class of Stable Diffusion 1 and 2."""
    tokenizer = tokenizer()
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        attention_head_dim=2,
        sample_size=32,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
    )
    StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=_clip(CLIPTextModel, tokenizer),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def stable_diffusion_3(folder):
    first, second, third = clip_tokenizer(), clip_tokenizer(), byte_tokenizer()
    long = T5Config(vocab_size=len(third), d_model=32, d_kv=8, d_ff=16, num_layers=2, num_heads=2, pad_token_id=0)
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=1,
        in_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pooled_projection_dim=32,
        out_channels=4,
    )
    StableDiffusion3Pipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(**_FLOW),
        text_encoder=_clip(CLIPTextModelWithProjection, first),
        tokenizer=first,
        text_encoder_2=_clip(CLIPTextModelWithProjection, second),
        tokenizer_2=second,
        text_encoder_3=T5EncoderModel(long).eval(),
        tokenizer_3=third,
    ).save_pretrained(folder)


def flux(folder):
    instruct.flux_kontext(folder)
    parts = FluxPipeline.from_pretrained(folder)
    FluxPipeline(**parts.components).save_pretrained(folder)


def qwen_image(folder):
    instruct.qwen_image_edit(folder)
    parts = QwenImagePipeline.from_pretrained(folder)
    QwenImagePipeline(**parts.components).save_pretrained(folder)


def z_image(folder):
    tokenizer = qwen_tokenizer(("<|im_start|>", "<|im_end|>"), instruct._CHAT)
    text = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    transformer = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=4,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        qk_norm=True,
        cap_feat_dim=16,
        rope_theta=256.0,
        t_scale=1000.0,
        axes_dims=[8, 4, 4],
        axes_lens=[256, 32, 32],
    )
    for name, value in transformer.named_parameters():
        if name.endswith("pad_token"):  # created empty, with whatever the memory held
            torch.nn.init.normal_(value, std=0.02)
    ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(**_FLOW),
        text_encoder=Qwen3Model(text).eval(),
        tokenizer=tokenizer,
        transformer=transformer.eval(),
    ).save_pretrained(folder)


MAKERS = {
    "stable_diffusion": stable_diffusion,
    "stable_diffusion_3": stable_diffusion_3,
    "flux": flux,
    "flux2_klein": instruct.flux2_klein,
    "qwen_image": qwen_image,
    "z_image": z_image,
}
