"""Small galleries whose content is known."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from varireal.reporting.records import GalleryCandidate, GalleryFacts, GalleryPhoto
from varireal.store.schemas import FUNNEL

HOSTILE = "</script><img src=x onerror=alert(1)>'\"&\u2028{{ 7*7 }}${1}"


def counts(*values: Any) -> dict[str, Any]:
    """A row of the table of counts; the reasons come last, as pairs."""
    return dict(zip(FUNNEL.names, (*values[:-1], json.dumps(dict(values[-1]))), strict=True))


def photo(image_id: str, side: int = 24) -> GalleryPhoto:
    rng = np.random.default_rng(len(image_id))
    image = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    return GalleryPhoto(image_id, "train", image, mask, "ok", "")


def candidate(image_id: str, attribute: str, feasibility: str, n: int, **changes: Any) -> GalleryCandidate:
    values: dict[str, Any] = {
        "candidate_id": f"{image_id}-{attribute}-{feasibility}-{n}",
        "image_id": image_id,
        "class_id": "heron",
        "class_name": HOSTILE,
        "attribute": attribute,
        "feasibility": feasibility,
        "k": 0,
        "round": n,
        "prompt_id": f"{attribute}-{feasibility}",
        "prompt_name": HOSTILE,
        "prompt_description": "",
        "seed": 2**63 - 1,
        "backend": "procedural",
        "outcome": "accepted" if n else "rejected",
        "reasons": () if n else ("seam: seam_score 0.7 is above the gate 0.6",),
        "receipt": {"seam_score": 0.123456789, "hue_distance": None, "edge_ssim": float("nan")},
        "image": photo(image_id).image,
    }
    return GalleryCandidate(**{**values, **changes})


def stream(photos: int, rounds: int = 2) -> Iterator[GalleryCandidate]:
    """photos x 2 attributes x 2 arms x rounds candidates in the order that a gallery wants."""
    for number in range(photos):
        for attribute in ("background", "color"):
            for feasibility in ("feasible", "infeasible"):
                for n in range(rounds):
                    yield candidate(f"photo-{number:04d}", attribute, feasibility, n)


FACTS = GalleryFacts(
    study="demo",
    title=f"Title {HOSTILE}",
    subtitle="",
    facts=(("Editor", HOSTILE),),
    funnel=(
        counts("heron", HOSTILE, "color", "feasible", 10, 14, 8, 2, (("seam", 5), ("hue", 1))),
        counts("mallard", "Mallard", "color", "feasible", 10, 10, 10, 0, (("hue", 3),)),
        counts("heron", HOSTILE, "color", "infeasible", 4, 4, 1, 3, ()),
    ),
    downloads=(("Data card", "../dataset/data card.md"),),
)


def payloads(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Read all data files of one kind back, as the browser would."""
    read = []
    for number, path in enumerate(sorted((folder / "data").glob(f"{kind}-*.js"))):
        match = re.fullmatch(rf"varireal\.{kind}\((\d+),(.*)\);\n", path.read_text("ascii"), re.S)
        assert match is not None
        assert int(match[1]) == number
        read.append(json.loads(match[2]))
    return read


@pytest.fixture
def small() -> Any:
    """The helpers of this file, for the tests beside it."""

    class Small:
        counts = staticmethod(counts)
        facts = FACTS
        hostile = HOSTILE
        photo = staticmethod(photo)
        candidate = staticmethod(candidate)
        stream = staticmethod(stream)
        payloads = staticmethod(payloads)

    return Small
