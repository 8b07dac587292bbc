"""open_clip's fused attention as three projections, so that PEFT can address q and v by name."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from varireal.errors import BackendError


class _Part(nn.Linear):
    """One of three projections of the same input; the attention computes all three at once and hands each its own."""

    given: torch.Tensor | None = None

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """The projection that was handed over, or else as ``nn.Linear``."""
        found, self.given = self.given, None
        return super().forward(sequence) if found is None else found


class SplitAttention(nn.Module):
    """An ``nn.MultiheadAttention`` with its ``in_proj`` split into ``q_proj``, ``k_proj`` and ``v_proj``.

    The weights are views of the original ones. Self-attention projects as the original does, all three at once and
    sequence first: anything else rounds differently, and updates of zero are to change no bit.

    Raises:
        BackendError: the attention has a form that is not split here (other key sizes, biases, dropout).
    """

    def __init__(self, fused: nn.MultiheadAttention) -> None:
        super().__init__()
        if fused.in_proj_weight is None or fused.bias_k is not None or fused.dropout:
            raise BackendError("this attention cannot be split into q, k and v; expected one fused projection")
        self.num_heads, self.batch_first = fused.num_heads, fused.batch_first
        self._folded = fused.in_proj_weight.requires_grad
        width = fused.embed_dim
        parts = [slice(number * width, (number + 1) * width) for number in range(3)]
        biases = [None if fused.in_proj_bias is None else fused.in_proj_bias[rows] for rows in parts]
        self.q_proj, self.k_proj, self.v_proj = (
            _linear(_Part, fused.in_proj_weight[rows], bias) for rows, bias in zip(parts, biases, strict=True)
        )
        self.out_proj = _linear(nn.Linear, fused.out_proj.weight, fused.out_proj.bias)

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
        same = query is key is value
        if self.batch_first:
            query, key, value = (part.transpose(0, 1) for part in (query, key, value))
        if same:
            query = key = value = self._project(query)
        queries, keys, values = (
            projection(part).unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)
            for projection, part in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        if attn_mask is not None and attn_mask.ndim == 2:
            attn_mask = attn_mask[None, None]  # the form in which torch's own attention gives it, for the same kernel
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=attn_mask)
        length, size = query.shape[:2]
        out: torch.Tensor = self.out_proj(mixed.permute(2, 0, 1, 3).reshape(length * size, -1))
        out = out.view(length, size, -1)
        return (out.transpose(0, 1) if self.batch_first else out), None

    def _project(self, sequence: torch.Tensor) -> torch.Tensor:
        """Hand each projection its part of one product, and return what PEFT computes the updates from."""
        parts = [getattr(layer, "base_layer", layer) for layer in (self.q_proj, self.k_proj, self.v_proj)]
        weight = torch.cat([part.weight for part in parts])
        bias = None if parts[0].bias is None else torch.cat([part.bias for part in parts])
        whole = sequence.contiguous()
        if sequence.is_contiguous() or not self._folded:
            projected = functional.linear(sequence, weight, bias)
        else:  # as torch does it for weights that require gradients, which PEFT's no longer do
            projected = functional.linear(whole.flatten(0, 1), weight).view(*whole.shape[:2], -1)
            projected = projected if bias is None else projected + bias
        for part, given in zip(parts, projected.chunk(3, -1), strict=True):
            part.given = given
        return whole


def _linear(kind: type[nn.Linear], weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    linear = kind(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
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
