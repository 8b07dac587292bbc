"""The configured image source. Light: the workflow asks for classes while it is parsed; no photo is opened here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from varireal.config.images import ImagesConfig
from varireal.core.registry import is_built_in, load_backend, make_outside
from varireal.datasets.base import SPLITS_ALLOWED, ImageSource, normal_split, shown_names
from varireal.datasets.splits import class_slugs
from varireal.errors import ConfigError
from varireal.names import TRAIN
from varireal.records import SourceImage


@dataclass(frozen=True, slots=True)
class StudySource:
    """What a study uses of its image source.

    Attributes:
        source: it.
        shown: gives the display names of the config to names of classes; None where the source does it itself.
    """

    source: ImageSource
    shown: Callable[[list[str]], dict[str, str]] | None = None

    @property
    def rendered(self) -> bool:
        """Whether it makes its pictures, so that ``items`` lists what ``render`` will make."""
        return hasattr(self.source, "render")

    @property
    def max_side(self) -> int | None:
        """Longest side of its pictures in pixels, where it is known without opening them."""
        return getattr(self.source, "max_side", None)

    def classes(self) -> dict[str, str]:
        """Class id to display name, sorted by id.

        Raises:
            ConfigError: the source cannot be listed, or has no classes.
        """
        names = self.source.class_names()
        if not names:
            raise ConfigError("the image source has no classes; expected one folder (or CSV value) per class")
        shown = list(names) if self.shown is None else sorted({*self.shown(names).values()})
        slugs = class_slugs(shown)
        return dict(sorted((slugs[name], name) for name in shown))

    def listing_digest(self) -> str:
        """Changes when a file is added, removed or edited; constant for rendered pictures."""
        return self.source.listing_digest()

    def items(self) -> Iterator[SourceImage]:
        """Every photo, sorted by key."""
        return self._checked(self.source.items())

    def render(self, folder: Path, *, seed: int, workers: int) -> Iterator[SourceImage]:
        """Make every picture of a rendering source that is not there yet, and list all of them."""
        maker: Any = self.source
        return self._checked(maker.render(folder, seed=seed, workers=workers))

    def fewer(self) -> dict[str, Any]:
        """Keys of ``images`` with which a rendering source makes a few pictures, to try it.

        Raises:
            ConfigError: it cannot say.
        """
        if not hasattr(self.source, "fewer"):
            raise ConfigError(f"images.source {self.source.name!r} cannot make a few pictures; use --no-probe")
        fewer: dict[str, Any] = self.source.fewer()
        return fewer

    def _checked(self, items: "Iterator[SourceImage]") -> Iterator[SourceImage]:
        """The items of a source of another package, each looked at, and with the display name of its class."""
        if self.shown is None:
            yield from items
            return
        shown, keys = self.shown(self.source.class_names()), set()
        for item in items:
            problem = _problem(item, shown) or ("is listed twice" if item.key in keys else "")
            if problem:
                what = repr(getattr(item, "key", item))
                raise ConfigError(
                    f"images.source {self.source.name!r}: {what} {problem}; see datasets.base.ImageSource"
                )
            keys.add(item.key)
            yield replace(item, class_name=shown[item.class_name])


def _problem(item: object, shown: dict[str, str]) -> str:
    if not isinstance(item, SourceImage):
        return "is no records.SourceImage"
    if item.class_name not in shown:
        return f"has the class {item.class_name!r}, which class_names does not list"
    if item.split is not None and normal_split(item.split) != item.split:
        return f"has the split {item.split!r}; expected {SPLITS_ALLOWED}"
    return ""


def image_source(images: ImagesConfig) -> StudySource:
    """The configured source.

    Raises:
        ConfigError: the folder or list cannot be used, or a display name in the config is for no class.
        BackendError: a source of another package cannot be loaded, or does not take its options.
    """
    name = images.source
    if is_built_in("image_sources", name):
        return StudySource(load_backend("image_sources", name).from_config(images))

    def shown(names: list[str]) -> dict[str, str]:
        return shown_names(((each, TRAIN) for each in names), images.class_names, Path(name))

    return StudySource(make_outside("image_sources", name, images.options), shown)
