"""Grounding DINO base and SAM 2.1 large with random weights: the layers of the published checkpoints, no download."""

import sys
from pathlib import Path

import torch
from common import ROOT
from transformers import (
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2ImageProcessor,
    Sam2Model,
    Sam2Processor,
    Sam2VisionConfig,
    SwinConfig,
)

sys.path.insert(0, str(ROOT / "tests"))
from tiny.tokenizers import bert_tokenizer


def detector_config() -> GroundingDinoConfig:
    """Grounding DINO base: Swin-B at 384 and BERT base; the rest are the class's defaults."""
    backbone = SwinConfig(
        image_size=384,
        embed_dim=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        window_size=12,
        out_indices=[2, 3, 4],
    )
    return GroundingDinoConfig(backbone_config=backbone, text_config=BertConfig())


def segmenter_config() -> Sam2Config:
    """SAM 2.1 with the large Hiera; the rest are the class's defaults."""
    backbone = Sam2HieraDetConfig(
        hidden_size=144,
        num_attention_heads=2,
        image_size=[1024, 1024],
        blocks_per_stage=[2, 6, 36, 4],
        embed_dim_per_stage=[144, 288, 576, 1152],
        num_attention_heads_per_stage=[2, 4, 8, 16],
        window_size_per_stage=[8, 4, 16, 8],
        window_positional_embedding_background_size=[7, 7],
        global_attention_blocks=[23, 33, 43],
    )
    return Sam2Config(
        vision_config=Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=[1152, 576, 288, 144])
    )


def millions() -> dict[str, float]:
    """Parameters of both, without a byte of memory for them."""
    with torch.device("meta"):
        models = {
            "grounding_dino": GroundingDinoForObjectDetection(detector_config()),
            "sam2": Sam2Model(segmenter_config()),
        }
    return {name: round(sum(p.numel() for p in model.parameters()) / 1e6, 1) for name, model in models.items()}


def write(folder: Path) -> dict[str, Path]:
    """Both as folders in 16 bits, with their processors."""
    torch.manual_seed(0)
    places = {name: folder / name for name in ("grounding_dino", "sam2")}
    GroundingDinoForObjectDetection(detector_config()).to(torch.bfloat16).save_pretrained(places["grounding_dino"])
    GroundingDinoProcessor(image_processor=GroundingDinoImageProcessor(), tokenizer=bert_tokenizer()).save_pretrained(
        places["grounding_dino"]
    )
    Sam2Model(segmenter_config()).to(torch.bfloat16).save_pretrained(places["sam2"])
    Sam2Processor(image_processor=Sam2ImageProcessor()).save_pretrained(places["sam2"])
    return places


def write_tiny(folder: Path) -> dict[str, Path]:
    """The tests' tiny ones."""
    from tiny.models import build

    return {name: build(name, folder / name) for name in ("grounding_dino", "sam2")}
