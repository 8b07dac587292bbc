"""What hosted models have cost, from counted calls and tokens and the prices in the study's slices. Light."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# stage: (slice, the server's place in it, the server's place in the config)
_SERVERS = {
    "prompts-ask": ("server", "server", "prompts.openai.server"),
    "edits": ("machine", "editing", "edits.openai_images.server"),
    "verdicts": ("machine", "judging", "verdicts.openai.server"),
}
_MILLION = 1_000_000


def read_slice_json(root: Path, name: str) -> dict[str, Any]:
    """A slice of a study as it is on disk; empty when it cannot be read."""
    try:
        found = json.loads((root / "config" / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Prices:
    """Prices of a study's servers.

    Attributes:
        servers: by stage, the server's block as JSON.
    """

    servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_study(cls, root: Path) -> "Prices":
        """From the slices in ``config/``."""
        slices = {name: read_slice_json(root, name) for name in {name for name, _, _ in _SERVERS.values()}}
        return cls({stage: slices[name].get(block, {}) for stage, (name, block, _) in _SERVERS.items()})

    def usd(self, stage: str, amounts: Mapping[str, float]) -> float | None:
        """US dollars of what a stage has spent; None when a model without a price was used."""
        server = self.servers.get(stage, {})
        models = {name.partition(":")[2] for name in amounts if name.startswith("calls:")}
        parts = [_usd(server, model, amounts) for model in models]
        return None if None in parts else float(sum(part for part in parts if part is not None))


def _usd(server: Mapping[str, Any], model: str, amounts: Mapping[str, float]) -> float | None:
    calls, sent, answered = (amounts.get(f"{what}:{model}", 0.0) for what in ("calls", "sent", "answered"))
    price = server.get("prices", {}).get(model)
    if price is not None and sent + answered:
        return float(sent * price["input"] + answered * price["output"]) / _MILLION
    piece = server.get("usd_per_image")
    if piece is not None:
        return float(calls * piece)
    return None if calls else 0.0


def server_place(stage: str) -> str:
    """Where the config has the server of a stage."""
    return _SERVERS[stage][2]
