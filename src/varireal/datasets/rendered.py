"""The rendered bird data set as files: each picture is drawn once and then kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from varireal.arrays import Array
from varireal.config.images import DemoImages
from varireal.datasets import demo
from varireal.datasets.demo_classes import DEMO_VERSION
from varireal.errors import DataError
from varireal.files import write_whole
from varireal.parallel import process_map
from varireal.records import SourceImage
from varireal.running import stopping
from varireal.seeds import digest


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one picture and its mask go."""

    spec: demo.DemoSpec
    picture: Path
    mask: Path

    @property
    def done(self) -> bool:
        # the mask is renamed into place before the picture, so the picture stands for both
        return self.picture.exists()


def render_photos(options: DemoImages, *, seed: int, folder: Path, workers: int) -> list[SourceImage]:
    """Draw every picture of the demo that is not there yet, and list all of them.

    Files lie under a digest of everything that they depend on, so pictures of other settings are never mistaken for
    these, and an interrupted run goes on where it stopped.

    Args:
        options: species, size and counts.
        seed: seed of the study.
        folder: folder for the pictures.
        workers: processes to draw with.

    Raises:
        DataError: the folder cannot be written.
    """
    specs = demo.demo_specs(
        seed=seed, species=options.species, train=options.train, val=options.val, test=options.test
    )
    base = folder / digest("demo", DEMO_VERSION, seed, options.size, size=4)
    places = [_place(base, spec) for spec in specs]
    missing = [place for place in places if not place.done]
    try:
        for parent in {place.picture.parent for place in missing}:
            parent.mkdir(parents=True, exist_ok=True)
        for _ in process_map(partial(_draw, size=options.size), missing, workers):
            stopping.checkpoint()
    except OSError as error:
        raise DataError(f"pictures cannot be written to {base}: {error.strerror}") from error
    return _listed(places)


def _place(base: Path, spec: demo.DemoSpec) -> _Place:
    stem = base / spec.split / spec.class_id / spec.image_id
    return _Place(spec, stem.with_suffix(".png"), stem.with_suffix(".mask.png"))


def _listed(places: Sequence[_Place]) -> list[SourceImage]:
    items = [
        SourceImage(place.spec.image_id, place.picture, place.spec.class_name, place.spec.split, place.mask)
        for place in places
    ]
    return sorted(items, key=lambda item: item.key)


def _draw(place: _Place, size: int) -> None:
    picture, mask = demo.render_demo(place.spec, size)
    _write_png(place.mask, mask.astype("uint8") * 255)
    _write_png(place.picture, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _write_png(path: Path, pixels: Array) -> None:
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise OSError(0, "the PNG encoder failed")
    write_whole(path, data.tobytes())
