"""A training step as published for DISEF and DataDream, written from its description (shared/reference, 1.8).

One fused q, k, v projection with LoRA on q and v, attention as matmul, softmax, matmul, and the texts of all classes
encoded anew in each step, over the whole context, with a checkpointed text tower.
"""

import copy
import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class PlainAttention(nn.Module):
    """Replaces ``nn.MultiheadAttention``; the update of q and v is a path beside the fused projection."""

    def __init__(self, fused: nn.MultiheadAttention, rank: int, alpha: int, dropout: float, *, dense: bool) -> None:
        super().__init__()
        self.heads, self.width, self.rank, self.dense = fused.num_heads, fused.embed_dim, rank, dense
        self.batch_first = fused.batch_first
        self.weight, self.bias, self.out_proj = fused.in_proj_weight, fused.in_proj_bias, fused.out_proj
        self.scale = alpha / rank
        self.dropout = nn.Dropout(dropout)
        self.lora_a = nn.Parameter(torch.empty(2 * rank, self.width))
        self.lora_b = nn.Parameter(torch.zeros(2, self.width, rank))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def _update(self, x: torch.Tensor) -> torch.Tensor:
        """What is added to q, k and v; nothing but zeros for k."""
        x = self.dropout(x)
        if self.dense:  # one matrix of the projection's size, built in each forward pass
            query, value = (self.lora_b[n] @ self.lora_a[n * self.rank : (n + 1) * self.rank] for n in (0, 1))
            return functional.linear(x, torch.cat([query, torch.zeros_like(query), value]))
        low = functional.linear(x, self.lora_a)
        query, value = (functional.linear(part, b) for part, b in zip(low.chunk(2, -1), self.lora_b, strict=True))
        return torch.cat([query, torch.zeros_like(query), value], -1)

    def forward(self, x: torch.Tensor, *_: Any, attn_mask: torch.Tensor | None = None, **__: Any) -> Any:
        """As ``nn.MultiheadAttention`` for self-attention."""
        fused = functional.linear(x, self.weight, self.bias) + self.scale * self._update(x)
        batch, length, _three = fused.shape
        query, key, value = fused.view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = (query / math.sqrt(self.width // self.heads)) @ key.transpose(-2, -1)
        if attn_mask is not None:
            scores = scores + attn_mask
        mixed = scores.softmax(-1) @ value
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, length, self.width)), None


class PublishedStep:
    """The step on a copy of a freshly loaded open_clip model."""

    def __init__(self, model: nn.Module, tokens: torch.Tensor, *, dense: bool = False) -> None:
        self.model: Any = copy.deepcopy(model)
        self.model.requires_grad_(False)
        for name, module in list(self.model.named_modules()):
            if isinstance(module, nn.MultiheadAttention):
                parent, _, child = name.rpartition(".")
                setattr(self.model.get_submodule(parent), child, PlainAttention(module, 16, 32, 0.1, dense=dense))
        self.model.transformer.grad_checkpointing = True
        self.tokens = tokens
        parameters = [value for value in self.model.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=1e-4)

    def texts(self) -> torch.Tensor:
        """(C, D) unit vectors of all class texts, encoded over the whole context."""
        return self.model.encode_text(self.tokens, normalize=True)

    def loss(self, pictures: torch.Tensor, labels: torch.Tensor, real: int, weight: float) -> torch.Tensor:
        """Weighted sum of the cross entropies of the real pictures, which come first, and the synthetic ones."""
        images = self.model.encode_image(pictures, normalize=True)
        logits = self.model.logit_scale.exp() * images @ self.texts().T
        one = functional.cross_entropy(logits[:real], labels[:real])
        two = functional.cross_entropy(logits[real:], labels[real:])
        return weight * one + (1 - weight) * two

    def step(self, pictures: torch.Tensor, labels: torch.Tensor, real: int, weight: float) -> float:
        """One update; return the loss."""
        self.model.train()
        loss = self.loss(pictures, labels, real, weight)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()
