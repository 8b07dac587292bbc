"""Grounding DINO and SAM 2 with random weights, in the published folder format."""

import torch
from transformers import (
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2ImageProcessor,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2Processor,
    Sam2PromptEncoderConfig,
    Sam2VideoConfig,
    Sam2VideoModel,
    Sam2VideoProcessor,
    Sam2VideoVideoProcessor,
    Sam2VisionConfig,
    SwinConfig,
)

from tiny.tokenizers import bert_tokenizer

_SAM_SIDE = 64


def grounding_dino(folder, **save):
    """A detector with ten queries. ``save`` are arguments of ``save_pretrained``."""
    tokenizer = bert_tokenizer()
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64,
            patch_size=4,
            embed_dim=8,
            depths=[1] * 4,
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=256,
        ),
        num_queries=10,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        d_model=32,
    )
    model = GroundingDinoForObjectDetection(config).eval()
    _spread(model)
    model.save_pretrained(folder, **save)
    images = GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 128})
    GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)


def _spread(model):
    """Boxes that follow from the picture, and scores between 0.5 and 0.9: untrained heads give neither."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bbox_embed" in name:
                parameter.normal_(0, 0.2)
        model.model.decoder.layer_norm.weight.mul_(0.15)


def _enliven(model):
    """Masks that follow from the picture: by the library's small first weights all logits are 0 up to rounding."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)


def _sam2_parts():
    """Configs of 64 x 64 pixels. The block that opens a pooling stage must not be a global one."""
    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        num_attention_heads=1,
        image_size=[_SAM_SIDE, _SAM_SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[4, 2, 4, 2],
        global_attention_blocks=[3],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        fpn_hidden_size=32,
        backbone_feature_sizes=[[_SAM_SIDE // share] * 2 for share in (4, 8, 16)],
    )
    return {
        "vision_config": vision,
        "prompt_encoder_config": Sam2PromptEncoderConfig(
            hidden_size=32, image_size=_SAM_SIDE, mask_input_channels=8
        ).to_dict(),
        "mask_decoder_config": Sam2MaskDecoderConfig(
            hidden_size=32, mlp_dim=32, num_attention_heads=4, iou_head_hidden_dim=16
        ).to_dict(),
    }


def _sam2_images():
    return Sam2ImageProcessor(
        size={"height": _SAM_SIDE, "width": _SAM_SIDE},
        mask_size={"height": _SAM_SIDE // 4, "width": _SAM_SIDE // 4},
    )


def sam2(folder, **save):
    """A segmenter of pictures."""
    model = Sam2Model(Sam2Config(**_sam2_parts())).eval()
    _enliven(model)
    model.save_pretrained(folder, **save)
    Sam2Processor(image_processor=_sam2_images(), target_size=_SAM_SIDE).save_pretrained(folder)


def sam2_video(folder):
    """A segmenter of videos, which is what the published checkpoints of SAM 2.1 are; a picture model is in it."""
    config = Sam2VideoConfig(
        **_sam2_parts(),
        image_size=_SAM_SIDE,
        memory_attention_hidden_size=32,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_attention_rope_feat_sizes=[4, 4],
        memory_encoder_hidden_size=32,
        memory_encoder_output_channels=8,
        mask_downsampler_embed_dim=32,
        memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=32,
    )
    model = Sam2VideoModel(config).eval()
    _enliven(model)
    model.save_pretrained(folder)
    Sam2VideoProcessor(
        image_processor=_sam2_images(), video_processor=Sam2VideoVideoProcessor(), target_size=_SAM_SIDE
    ).save_pretrained(folder)
