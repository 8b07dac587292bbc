"""Contrastive pre-training of the small CLIP (Radford et al. 2021), on the CPU or a GPU."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch.nn import functional

from varireal.arrays import Array
from varireal.pretraining.captions import caption
from varireal.pretraining.corpus import PairSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """How the pre-training is done.

    Attributes:
        epochs: passes over the corpus.
        batch_size: pairs in a step.
        learning_rate: peak of the cosine schedule.
        warmup_steps: steps of linear warm-up.
        weight_decay: of the matrices; vectors have none.
        seed: seed of weights, order, captions and augmentation.
    """

    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 1e-3
    warmup_steps: int = 150
    weight_decay: float = 0.1
    seed: int = 22


def pretrain(
    model: Any, tokenizer: Any, pictures: Array, specs: Sequence[PairSpec], settings: PretrainSettings
) -> None:
    """Train a freshly built open_clip model in place; the last step's weights are the result, nothing is chosen.

    Args:
        model: ``open_clip.CLIP``.
        tokenizer: turns a list of texts into (N, context) token numbers.
        pictures: (N, S, S, 3) uint8.
        specs: what each picture shows; every epoch draws new captions from them.
        settings: how.
    """
    torch.manual_seed(settings.seed)
    device = next(model.parameters()).device
    data = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    optimizer = _optimizer(model, settings)
    per_epoch = len(data) // settings.batch_size
    total, step = settings.epochs * per_epoch, 0
    rng = np.random.default_rng([settings.seed, 1])
    for epoch in range(settings.epochs):
        losses = []
        for chosen in torch.randperm(len(data))[: per_epoch * settings.batch_size].split(settings.batch_size):  # type: ignore[no-untyped-call]
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step, total, settings.warmup_steps)
            texts = [caption(specs[number], rng) for number in chosen.tolist()]
            loss = _loss(model, augment(data[chosen]).to(device), texts, tokenizer, device)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(100))
            losses.append(loss.item())
            step += 1
        logger.info("epoch %d of %d: loss %.3f", epoch + 1, settings.epochs, float(np.mean(losses)))


def _optimizer(model: Any, settings: PretrainSettings) -> torch.optim.Optimizer:
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def _schedule(step: int, total: int, warmup: int) -> float:
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / total))


def _loss(model: Any, pictures: torch.Tensor, texts: Sequence[str], tokenizer: Any, device: Any) -> torch.Tensor:
    """Symmetric cross entropy; a caption that several pictures of the batch share is right for all of them.

    Equal captions are encoded once: short captions repeat, and the text tower then costs less.
    """
    different = list(dict.fromkeys(texts))
    numbers = {text: number for number, text in enumerate(different)}
    which = torch.tensor([numbers[text] for text in texts], device=device)
    images = model.encode_image(pictures, normalize=True)
    words = model.encode_text(tokenizer(different).to(device), normalize=True)
    logits = model.logit_scale.exp() * images @ words.T
    to_text = functional.cross_entropy(logits + _repeats(which, len(different)), which)
    owners = functional.one_hot(which, len(different)).T.float()
    owners = owners / owners.sum(1, keepdim=True)
    to_image = -(owners * logits.T.log_softmax(1)).sum(1)
    # each picture counts once, however many share its caption
    loss: torch.Tensor = (to_text + to_image[which].mean()) / 2
    return loss


def _repeats(which: torch.Tensor, count: int) -> torch.Tensor:
    """Log of how often each caption is in the batch: the softmax counts it once for each of its pictures."""
    return torch.bincount(which, minlength=count).float().log()


def augment(pictures: torch.Tensor) -> torch.Tensor:
    """Mirror, shift, scale and brighten a batch at random: (N, 3, S, S) uint8 to normalised float32.

    Colours stay what the captions say they are.
    """
    count = len(pictures)
    batch = pictures.float() / 255
    mirrored = torch.rand(count) < 0.5
    batch[mirrored] = batch[mirrored].flip(-1)
    scale = torch.empty(count).uniform_(0.8, 1.15)
    place = torch.zeros(count, 2, 3)
    place[:, 0, 0], place[:, 1, 1] = scale, scale
    place[:, :, 2] = torch.empty(count, 2).uniform_(-0.15, 0.15)
    grid = functional.affine_grid(place, list(batch.shape), align_corners=False)
    batch = functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    gain = torch.empty(count, 1, 1, 1).uniform_(0.8, 1.2)
    offset = torch.empty(count, 1, 1, 1).uniform_(-0.08, 0.08)
    mean, std = torch.tensor(OPENAI_DATASET_MEAN).view(1, 3, 1, 1), torch.tensor(OPENAI_DATASET_STD).view(1, 3, 1, 1)
    return ((batch * gain + offset).clamp(0, 1) - mean) / std
