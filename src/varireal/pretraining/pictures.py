"""The rendered corpus on disk: chunks of pictures, each drawn once and kept, so that a killed run goes on."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from varireal.arrays import Array
from varireal.errors import DataError
from varireal.files import whole_file
from varireal.logs import progress
from varireal.parallel import process_map
from varireal.pretraining.corpus import PairSpec, render_pair
from varireal.seeds import digest

logger = logging.getLogger(__name__)

CORPUS_VERSION = 1
"""Raise it when a spec gives another picture."""
_CHUNK = 250


def draw_corpus(specs: Sequence[PairSpec], size: int, folder: Path, workers: int) -> Array:
    """Draw the pictures that are not there yet and return all of them.

    Args:
        specs: what to draw.
        size: side of the square pictures, in pixels.
        folder: folder for the chunks.
        workers: processes to draw with.

    Returns:
        (N, size, size, 3) uint8 sRGB.

    Raises:
        DataError: a chunk is damaged.
    """
    chunks = [specs[start : start + _CHUNK] for start in range(0, len(specs), _CHUNK)]
    places = [folder / f"{digest(CORPUS_VERSION, size, *chunk, size=8)}.npy" for chunk in chunks]
    missing = [(place, chunk) for place, chunk in zip(places, chunks, strict=True) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    done = process_map(partial(_draw, size=size), missing, workers, chunksize=1)
    for _ in progress(done, logger, "chunks of pictures", len(missing)):
        pass
    return np.concatenate([_load(place) for place in places])


def _draw(job: tuple[Path, Sequence[PairSpec]], size: int) -> None:
    place, specs = job
    pictures = np.stack([render_pair(spec, size) for spec in specs])
    with whole_file(place) as part, part.open("wb") as file:
        np.save(file, pictures, allow_pickle=False)


def _load(place: Path) -> Array:
    try:
        pictures: Array = np.load(place, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{place} is damaged ({error}); delete it and run again") from error
    return pictures
