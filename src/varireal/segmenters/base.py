"""What every segmenter is."""

import inspect
from collections.abc import Sequence
from typing import Protocol

from varireal.arrays import Array
from varireal.records import MaskResult


class Segmenter(Protocol):
    """Finds the object of each photo.

    Attributes:
        name: the key that selects it in the config.
        version: raised whenever the same photo may give another mask; it is part of cache keys.
        revision: which weights it uses, part of cache keys too; None for a segmenter without weights. Asking for it
            loads no model.
        uses_given: whether it looks at the masks that came with the photos; if not, their files are not opened.
        uses_names: whether a mask depends on the name of the class; if not, renaming a class segments nothing again.
        batch_size: photos that it likes to get in one call. Asked for only when there is something to segment.
    """

    name: str
    version: int
    uses_given: bool
    uses_names: bool

    @property
    def revision(self) -> str | None:
        """See the class."""

    @property
    def batch_size(self) -> int:
        """See the class."""

    def segment(
        self, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
    ) -> list[MaskResult]:
        """Return one result per image, in order; a result never depends on its neighbours in the batch.

        Args:
            images: (H, W, 3) uint8 sRGB photos, of any sizes.
            given: the mask that came with each photo, (H, W) uint8 or bool, or None.
            class_names: display name of each photo's class; any text.

        Returns:
            Masks of the size of their photos. An image that cannot be segmented is a result with a status and a
            reason, never an exception; an exception makes the caller ask again, one photo at a time.

        Raises:
            BackendError: the segmenter cannot run here at all, such as for want of a model.
        """
        ...


def missing_attributes(segmenter: object) -> list[str]:
    """Names of what a segmenter of another package lacks; nothing is asked of it, so no model is loaded."""
    wanted = ("name", "version", "revision", "uses_given", "uses_names", "batch_size", "segment")
    nowhere = object()
    return [name for name in wanted if inspect.getattr_static(segmenter, name, nowhere) is nowhere]
