"""The demo as an image source: which pictures there are to be. Light: what draws them is imported then."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from varireal.config.images import DEMO_CLASSES, DEMO_VERSION, DemoImages, ImagesConfig
from varireal.records import SourceImage
from varireal_demo import pictures_by_split


class DemoSource:
    """Painted birds.

    Attributes:
        options: species, size and counts.
        max_side: side of the pictures in pixels.
    """

    name = "demo"
    version = 1

    def __init__(self, options: DemoImages) -> None:
        self.options = options
        self.max_side = options.size

    @classmethod
    def from_config(cls, images: ImagesConfig) -> "DemoSource":
        """The pictures that the config asks for."""
        return cls(images.demo)

    def class_names(self) -> list[str]:
        """Names of the species, sorted."""
        return sorted(name for class_id, name in DEMO_CLASSES if class_id in self.options.species)

    def items(self) -> Iterator[SourceImage]:
        """Every picture that ``render`` will make, sorted by key; there is no file yet."""
        options, names = self.options, dict(DEMO_CLASSES)
        counts = pictures_by_split(options.train, options.val, options.test)
        keys = [
            (c, s, f"{c}-{s}-{n:03d}") for c in options.species for s, count in counts.items() for n in range(count)
        ]
        for class_id, split, key in sorted(keys, key=lambda item: item[2]):
            yield SourceImage(key, Path(f"{key}.png"), names[class_id], split)

    def listing_digest(self) -> str:
        """The same until other pictures would be drawn."""
        return f"rendered v{DEMO_VERSION}"

    def render(self, folder: Path, *, seed: int, workers: int) -> list[SourceImage]:
        """Draw the pictures; see ``birds_source.render_photos``."""
        from varireal_demo.birds_source import render_photos

        return render_photos(self.options, seed=seed, folder=folder, workers=workers)

    def fewer(self) -> dict[str, Any]:
        """A few pictures of one species, to try the stage with."""
        few = {"species": self.options.species[:1], "train": 3, "val": 1, "test": 1}
        return {"demo": self.options.model_copy(update=few)}
