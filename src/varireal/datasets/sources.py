"""Image sources by name. Light: the workflow asks for the classes while it is parsed; no photo is opened here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from varireal.config.images import DEMO_CLASSES, DEMO_VERSION, ImagesConfig
from varireal.datasets.base import ImageSource
from varireal.datasets.csv_list import CsvSource
from varireal.datasets.folder import FolderSource
from varireal.datasets.published import PUBLISHED, PublishedSource
from varireal.datasets.splits import class_slugs
from varireal.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ListedSource:
    """What the workflow must know of a source before it runs.

    Attributes:
        classes: class id to display name, sorted by id.
        listing_digest: changes when a file is added, removed or edited.
    """

    classes: Callable[[], dict[str, str]]
    listing_digest: Callable[[], str]


def file_source(images: ImagesConfig) -> ImageSource:
    """The source of photos that are files.

    Raises:
        ConfigError: the folder or list cannot be used.
    """
    if images.source == "csv":
        root = Path(images.csv.image_root) if images.csv.image_root else None
        return CsvSource(Path(images.csv.path or ""), image_root=root, class_names=images.class_names)
    if images.source in PUBLISHED:
        chosen = getattr(images, images.source)
        return PublishedSource(
            PUBLISHED[images.source],
            Path(chosen.path),
            class_names=images.class_names,
            val=getattr(chosen, "val", "official"),
        )
    return FolderSource(Path(images.folder.path or ""), class_names=images.class_names)


def image_source(images: ImagesConfig) -> ListedSource:
    """Classes and listing of the configured source.

    Raises:
        ConfigError: the folder or list cannot be used, or a display name in the config is for no class.
    """
    if images.source == "demo":
        chosen = {class_id: name for class_id, name in DEMO_CLASSES if class_id in images.demo.species}
        return ListedSource(lambda: dict(sorted(chosen.items())), lambda: f"rendered v{DEMO_VERSION}")
    source = file_source(images)
    return ListedSource(lambda: _named(source), source.listing_digest)


def _named(source: ImageSource) -> dict[str, str]:
    names = source.class_names()
    if not names:
        raise ConfigError("the image source has no classes; expected one folder (or CSV value) per class")
    slugs = class_slugs(names)
    return dict(sorted((slugs[name], name) for name in names))
