"""Facts on public models that hold before anything is fetched."""

from functools import cache
from importlib.resources import files

import yaml

from varireal.config.base import StrictModel


class Known(StrictModel):
    """What is known of a hub id; the fields are explained in ``assets/models/known.yaml``."""

    licence: str | None = None
    gated: bool | None = None
    gb: float | None = None
    gb_16: float | None = None
    part_16: float | None = None


def known(model_id: str) -> Known:
    """Facts on a hub id; all None when there are none."""
    return _all().get(model_id, Known())


@cache
def _all() -> dict[str, Known]:
    text = files("varireal").joinpath("assets", "models", "known.yaml").read_text("utf-8")
    return {name: Known.model_validate(facts) for name, facts in yaml.safe_load(text).items()}
