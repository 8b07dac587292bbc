"""open_clip's fused attention as three projections, so that PEFT can address q and v by name."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from varireal.errors import BackendError


class SplitAttention(nn.Module):
    """An ``nn.MultiheadAttention`` with its ``in_proj`` split into ``q_proj``, ``k_proj`` and ``v_proj``.

    The weights are views of the original ones.

    Raises:
        BackendError: the attention has a form that is not split here (other key sizes, biases, dropout).
    """

    def __init__(self, fused: nn.MultiheadAttention) -> None:
        super().__init__()
        if fused.in_proj_weight is None or fused.bias_k is not None or fused.dropout:
            raise BackendError("this attention cannot be split into q, k and v; expected one fused projection")
        self.num_heads, self.batch_first = fused.num_heads, fused.batch_first
        width = fused.embed_dim
        parts = [slice(number * width, (number + 1) * width) for number in range(3)]
        biases = [None if fused.in_proj_bias is None else fused.in_proj_bias[rows] for rows in parts]
        self.q_proj, self.k_proj, self.v_proj = (
            _linear(fused.in_proj_weight[rows], bias) for rows, bias in zip(parts, biases, strict=True)
        )
        self.out_proj = _linear(fused.out_proj.weight, fused.out_proj.bias)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        need_weights: bool = False,  # noqa: ARG002  (part of torch's signature)
        attn_mask: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, None]:
        """As ``nn.MultiheadAttention``; weights are never returned."""
        if not self.batch_first:
            query, key, value = (part.transpose(0, 1) for part in (query, key, value))
        queries, keys, values = (
            projection(part).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for projection, part in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        if attn_mask is not None and attn_mask.ndim == 2:
            attn_mask = attn_mask[None, None]  # the form in which torch's own attention gives it, for the same kernel
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=attn_mask)
        out: torch.Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return (out if self.batch_first else out.transpose(0, 1)), None


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    linear.weight = nn.Parameter(weight.detach())
    if bias is not None:
        linear.bias = nn.Parameter(bias.detach())
    return linear


def split_attention(model: nn.Module) -> nn.Module:
    """Split every fused attention of a model, in place, and return it."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.MultiheadAttention):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, SplitAttention(module))
    return model
