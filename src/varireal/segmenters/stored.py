"""A segmenter whose answers the item store keeps: the same photo is segmented once for the same options."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from varireal.config.base import StrictModel
from varireal.config.images import ReadingConfig
from varireal.config.machine import ModelRef
from varireal.config.masks import MasksConfig
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.registry import is_built_in
from varireal.core.seeds import digest
from varireal.datasets.decoding import RejectedImageError, file_sha256, load_mask, read_photo, reading_key
from varireal.names import MaskStatus
from varireal.records import Array, MaskResult
from varireal.running import job_record
from varireal.segmenters.base import Segmenter, segment_all
from varireal.segmenters.quality import decode_mask, encode_mask
from varireal.store.items import ItemStore, pack, unpack

A = TypeVar("A")
B = TypeVar("B")

Photo = Mapping[str, Any]

# What another attempt may cure, or what the files alone decide: tried again every time.
_NOT_KEPT = frozenset(
    {MaskStatus.FAILED, MaskStatus.IMAGE_UNREADABLE, MaskStatus.UNREADABLE, MaskStatus.MISSING},
)


@dataclass(frozen=True, slots=True)
class _Read:
    """A photo as read, or the result that it cannot be read."""

    photo: Photo
    image: Array | None = None
    given: Array | None = None
    failed: MaskResult | None = None


class StoredSegmenter:
    """Answers from the store, and asks the segmenter for the rest, in its batches.

    Args:
        segmenter: who finds the masks.
        masks: config of masks; of it only the segmenter's own options count.
        noun: what all classes are, for segmenters that use names.
        reading: how photos are read.
        items: where answers are kept.
    """

    def __init__(
        self, segmenter: Segmenter, masks: MasksConfig, noun: str, reading: ReadingConfig, items: ItemStore
    ) -> None:
        self.segmenter = segmenter
        self._options = own_options(masks, segmenter.name)
        self._noun = noun
        self._reading = reading
        self._items = items

    def find(self, photos: Sequence[Photo]) -> Iterator[tuple[Photo, MaskResult, bool]]:
        """Yield each photo with its mask, and whether it was segmented now: those of the store come first.

        Args:
            photos: rows of images, in any order.

        Raises:
            BackendError: the segmenter cannot run here.
            DataError: the store is damaged.
        """
        missing = []
        for photo in photos:
            value = self._items.get(self.key(photo))
            if value is None:
                missing.append(photo)
            else:
                yield photo, _unpacked(value), False
        if missing:
            yield from self._segmented(missing)

    def key(self, photo: Photo) -> str:
        """Digest of everything that the mask of a photo depends on. Limits and machine are not in it."""
        segmenter = self.segmenter
        given = _mask_file_digest(photo) if segmenter.uses_given else ""
        named = (self._noun, photo["class_name"]) if segmenter.uses_names else ()
        return digest(
            "mask",
            STAGE_VERSIONS["masks"],
            photo["sha256"],
            reading_key(self._reading),
            given,
            segmenter.name,
            segmenter.version,
            segmenter.revision,
            self._options,
            *named,
        )

    def _segmented(self, photos: Sequence[Photo]) -> Iterator[tuple[Photo, MaskResult, bool]]:
        size = max(1, self.segmenter.batch_size)
        # photos of one shape go through a model together without padding
        ordered = sorted(photos, key=lambda photo: float(photo["width"] / photo["height"])) if size > 1 else photos
        parts = [ordered[start : start + size] for start in range(0, len(ordered), size)]
        for part in _ahead(self._read_all, parts) if size > 1 else map(self._read_all, parts):
            yield from self._ask(part)

    def _ask(self, part: Sequence[_Read]) -> Iterator[tuple[Photo, MaskResult, bool]]:
        read = [one for one in part if one.image is not None]
        job_record.permit()
        images = [one.image for one in read if one.image is not None]
        class_names = [str(one.photo["class_name"]) for one in read]
        results = segment_all(self.segmenter, images, [one.given for one in read], class_names)
        answers = [
            (self.key(one.photo), _packed(result))
            for one, result in zip(read, results, strict=True)
            if result.status not in _NOT_KEPT
        ]
        if answers:
            self._items.put_many(answers)
        yield from ((one.photo, one.failed, True) for one in part if one.failed is not None)
        yield from ((one.photo, result, True) for one, result in zip(read, results, strict=True))

    def _read_all(self, photos: Sequence[Photo]) -> list[_Read]:
        return [self._read(photo) for photo in photos]

    def _read(self, photo: Photo) -> _Read:
        try:
            picture = read_photo(photo, self._reading)
        except RejectedImageError as error:
            return _Read(photo, failed=MaskResult(None, MaskStatus.IMAGE_UNREADABLE, str(error)))
        if not photo["mask_path"] or not self.segmenter.uses_given:
            return _Read(photo, picture.image)
        try:
            size = (picture.width, picture.height)
            given = load_mask(Path(photo["mask_path"]), size=size, original_size=picture.original_size)
        except RejectedImageError as error:
            return _Read(photo, failed=MaskResult(None, MaskStatus.UNREADABLE, str(error)))
        return _Read(photo, picture.image, given)


def own_options(masks: MasksConfig, name: str) -> str:
    """The options of one backend as text; models are left out, they are told by the segmenter's revision."""
    if not is_built_in("segmenters", name):
        return json.dumps(masks.options, sort_keys=True, default=str)
    block = getattr(masks, name, None)
    if not isinstance(block, StrictModel):
        return ""
    models = {key for key in type(block).model_fields if isinstance(getattr(block, key), ModelRef)}
    return json.dumps(block.for_keys(exclude=models), sort_keys=True)


def _mask_file_digest(photo: Photo) -> str:
    try:
        return file_sha256(Path(photo["mask_path"])) if photo["mask_path"] else ""
    except RejectedImageError as error:
        return str(error)  # segmenting meets the same error and makes a row of it


def _packed(result: MaskResult) -> bytes:
    facts = {"status": str(result.status), "reason": result.reason, "score": result.score, "objects": result.objects}
    return pack(facts, b"" if result.mask is None else encode_mask(result.mask))


def _unpacked(value: bytes) -> MaskResult:
    facts, mask = unpack(value)
    mask_pixels = decode_mask(mask) if mask else None
    return MaskResult(mask_pixels, facts["status"], facts["reason"], facts["score"], facts["objects"])


def _ahead(function: Callable[[A], B], items: Sequence[A]) -> Iterator[B]:
    """``map`` that works out the next value on a thread of its own while the caller uses the last."""
    with ThreadPoolExecutor(1) as pool:
        rest = iter(items)
        waiting = [pool.submit(function, item) for item in islice(rest, 1)]
        while waiting:
            done = waiting.pop(0)
            waiting += [pool.submit(function, item) for item in islice(rest, 1)]
            yield done.result()
