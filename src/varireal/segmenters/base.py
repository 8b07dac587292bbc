"""What every segmenter is, and asking one: in batches, with every failure a result, in the types that tables have."""

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from varireal import names
from varireal.attributes import problem_text
from varireal.core.files import few
from varireal.core.registry import blame
from varireal.errors import BackendError
from varireal.names import MaskStatus
from varireal.records import Array, MaskResult
from varireal.running.logs import tell_failure


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


logger = logging.getLogger(__name__)


def segment_all(
    segmenter: Segmenter, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
) -> list[MaskResult]:
    """One result per image, in order, whatever the segmenter does.

    A batch that raises is asked for again one photo at a time, so that one bad photo costs no other its mask.

    Args:
        segmenter: who to ask.
        images: (H, W, 3) uint8 photos; as many as fit into memory, they are dealt into the segmenter's batches here.
        given: (H, W) mask that came with each photo, or None.
        class_names: display name of each photo's class.

    Returns:
        Bool masks of the size of their photos. An exception, or an answer of another form, is ``mask_failed``.

    Raises:
        BackendError: the segmenter cannot run here at all.
    """
    results: list[MaskResult] = []
    for part in _parts(len(images), segmenter.batch_size if images else 1):
        results += _batch(segmenter, images[part], given[part], class_names[part])
    return results


def _parts(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, max(1, size)):
        yield slice(start, min(total, start + max(1, size)))


def _batch(
    segmenter: Segmenter, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
) -> list[MaskResult]:
    try:
        answers = segmenter.segment(images, given, class_names)
        if len(answers) != len(images):
            raise ValueError(f"the segmenter gave {len(answers)} answers for {len(images)} photos")  # noqa: TRY301
        return [_normal(answer, image.shape[:2]) for answer, image in zip(answers, images, strict=True)]
    except BackendError:
        raise
    except Exception as error:  # noqa: BLE001 - one photo must not end the stage; its row says what happened
        if len(images) > 1:
            why = "the segmenter failed at a batch of %d photos, so each is given to it alone"
            tell_failure(logger, why, len(images), error=error)
            parts = (slice(number, number + 1) for number in range(len(images)))
            return [_batch(segmenter, images[part], given[part], class_names[part])[0] for part in parts]
        tell_failure(logger, "segmenting a photo of %r failed", class_names[0], error=error)
        reason = problem_text(error) + blame("segmenters", str(segmenter.name))
        return [MaskResult(None, MaskStatus.FAILED, reason)]


def _normal(result: object, shape: tuple[int, ...]) -> MaskResult:
    """The answer in the types of the table, whatever a segmenter of another package gives.

    Raises:
        ValueError: it is no answer: another type or status, a mask that has more than two levels or does not fit the
            photo, or no mask although all is well.
    """
    if not isinstance(result, MaskResult):
        raise ValueError(f"the segmenter gave {type(result).__name__}, expected a records.MaskResult")  # noqa: TRY004
    if result.status not in tuple(map(str, MaskStatus)):
        reason = f" (its reason: {result.reason})" if result.reason else ""
        raise ValueError(f"the segmenter gave the status {result.status!r}, expected one of {_STATUSES}{reason}")
    score = None if result.score is None else float(result.score)
    objects = None if result.objects is None else int(result.objects)
    reason = str(result.reason)
    if result.mask is None:
        if result.status == names.OK:
            raise ValueError("the segmenter said ok but gave no mask")
        return MaskResult(None, result.status, reason, score, objects)
    mask = np.asarray(result.mask)
    if mask.shape != shape:
        raise ValueError(f"the segmenter gave a mask of shape {mask.shape} for a photo of {shape}")
    if mask.dtype != bool and not _two_levels(mask):  # labels or shares would be taken for something else
        values = few([f"{value:g}" for value in np.unique(mask)])
        raise ValueError(
            f"the segmenter gave a mask of {mask.dtype} with the values {values}, expected bool, or 0 and 255"
        )
    return MaskResult(mask.astype(bool), result.status, reason, score, objects)


def _two_levels(mask: Array) -> bool:
    """Whether it is a mask in whole numbers: 0 and 1, or 0 and 255."""
    levels = set(np.unique(mask).tolist())
    return mask.dtype.kind in "ui" and (levels <= {0, 1} or levels <= {0, 255})


_STATUSES = ", ".join(map(str, MaskStatus))
