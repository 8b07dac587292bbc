"""Which photos came, went or changed since the stage images looked at them."""

from collections.abc import Iterator
from pathlib import Path

from varireal import tables
from varireal.datasets.decoding import file_sha256
from varireal.datasets.sources import file_source
from varireal.layout import Layout
from varireal.schemas import IMAGES, REJECTS

ADDED, REMOVED, EDITED = "added", "removed", "edited"


def changed_photos(layout: Layout) -> list[tuple[str, str]]:
    """(path, ``added``, ``removed`` or ``edited``) of every photo that differs; empty when only dates differ.

    Files that are younger than the table of images are read first, and the others only when none of these differs.
    """
    images, rejects = Path(layout.paths.images), Path(layout.paths.rejects)
    columns = ["path", "sha256"]
    then = {row["path"]: row["sha256"] for row in tables.read(images, IMAGES, columns)}
    then |= {row["path"]: row["sha256"] for row in tables.read(rejects, REJECTS, columns)}
    now = {str(item.path) for item in file_source(layout.config.images).items()}
    found = [(path, ADDED) for path in now - then.keys()] + [(path, REMOVED) for path in then.keys() - now]
    both = sorted(now & then.keys())
    read_at = images.stat().st_mtime
    young = [path for path in both if Path(path).stat().st_mtime > read_at]
    edited = list(_edited(young, then))
    if not edited and not found:
        edited = list(_edited(both, then))
    return sorted(found + [(path, EDITED) for path in edited])


def _edited(paths: list[str], then: dict[str, str | None]) -> Iterator[str]:
    for path in paths:
        try:
            if file_sha256(Path(path)) != then[path]:
                yield path
        except OSError:
            yield path
