"""What every segmenter is."""

from collections.abc import Sequence
from typing import Protocol

from varireal.arrays import Array
from varireal.records import MaskResult


class Segmenter(Protocol):
    """Finds the object of each photo.

    Attributes:
        name: the key that selects it in the config.
        version: raised whenever the same photo may give another mask; it is part of cache keys.
        revision: the pinned revision of a model, None for a segmenter without weights.
        uses_given: whether it looks at the masks that came with the photos; if not, their files are not opened.
    """

    name: str
    version: int
    revision: str | None
    uses_given: bool

    def segment(self, images: Sequence[Array], given: Sequence[Array | None]) -> list[MaskResult]:
        """Return one result per image, in order; a result never depends on its neighbours in the batch.

        Args:
            images: (H, W, 3) uint8 sRGB photos, of any sizes.
            given: the mask that came with each photo, (H, W) uint8 or bool, or None.

        Returns:
            Masks of the size of their photos. An image that cannot be segmented is a result with a status and a
            reason, never an exception.
        """
        ...
