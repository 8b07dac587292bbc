"""Photos in one folder without folders inside: ``CLASS_NUMBER.png``, and what is after the class decides the split."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from varireal.errors import ConfigError
from varireal.records import SourceImage


class FlatFolder:
    """``images.options``: ``path``, the folder, and ``test_every``, which photos of a class are for tests."""

    name = "flat"
    version = 1

    def __init__(self, path: str, test_every: int = 3) -> None:
        self.folder, self.test_every = Path(path), test_every

    def class_names(self) -> list[str]:
        return sorted({item.class_name for item in self.items()})

    def items(self) -> Iterator[SourceImage]:
        files = sorted(self.folder.glob("*_*.png"))
        if not files:
            raise ConfigError(
                f"images.options.path: no CLASS_NUMBER.png in {self.folder}; give the folder with photos"
            )
        for path in files:
            class_name, _, number = path.stem.rpartition("_")
            split = "test" if int(number) % self.test_every == 0 else "train"
            yield SourceImage(path.name, path, class_name, split)

    def listing_digest(self) -> str:
        facts = [(item.key, item.path.stat().st_size, item.path.stat().st_mtime_ns) for item in self.items()]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
