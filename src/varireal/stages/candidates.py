"""Making candidates: look each item up, edit what is missing, measure it, keep it."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from varireal import names
from varireal.arrays import Array
from varireal.config.slices import EditsSlice
from varireal.datasets.decoding import RejectedImageError
from varireal.datasets.photos import read_photo, reading_key
from varireal.editors.base import Editor
from varireal.editors.composite import composite
from varireal.metrics.receipts import Receipt, measure
from varireal.names import EditStatus
from varireal.pictures import encode_png
from varireal.provenance import STAGE_VERSIONS
from varireal.records import EditRequest, EditResult
from varireal.registry import load_backend
from varireal.seeds import digest
from varireal.segmenters.quality import decode_mask
from varireal.stages.items import Item
from varireal.store import ItemStore, pack, unpack

logger = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished item.

    Attributes:
        row: its row of edits, without the picture.
        key: where the store has the picture; None when there is none.
        new: whether it was computed now.
    """

    row: Row
    key: str | None
    new: bool


def make_editor(config: EditsSlice) -> Editor:
    """The configured editor.

    Raises:
        BackendError: it cannot be loaded.
    """
    editor: Editor = load_backend("editors", config.edits.backend)(**config.edits.options)
    return editor


class Work:
    """The candidates of one job.

    Args:
        config: the stage's slice.
        masks: rows of masks by image id.
        store: the job's item store.
    """

    def __init__(self, config: EditsSlice, masks: Mapping[str, Mapping[str, Any]], store: ItemStore) -> None:
        self._config = config
        self._masks = masks
        self._store = store
        self._editor: Editor = make_editor(config)

    def candidates(self, items: Sequence[Item]) -> Iterator[Candidate]:
        """Yield one candidate per item, in order; what is computed is in the store before it is yielded."""
        size = self._config.edits.batch_size or getattr(self._editor, "batch_size", 1)
        for start in range(0, len(items), size):
            yield from self._batch(items[start : start + size])

    def _batch(self, items: Sequence[Item]) -> Iterator[Candidate]:
        ready = [self._without_editing(item) for item in items]
        missing = [item for item, candidate in zip(items, ready, strict=True) if candidate is None]
        edited = iter(self._edit(missing)) if missing else iter(())
        for candidate in ready:
            yield candidate or next(edited)

    def _without_editing(self, item: Item) -> Candidate | None:
        """A candidate that is known without the editor: from the store, or because it cannot be made."""
        if item.prompt is None:
            reason = f"class {item.photo['class_name']!r} has fewer prompts than edits per image"
            return self._failed(item, EditResult(EditStatus.NO_PROMPT, reason))
        mask = self._masks.get(item.photo["image_id"])
        if mask is None or mask["status"] != names.OK:
            reason = "the photo has no mask" if mask is None else f"{mask['status']}: {mask['reason']}"
            return self._failed(item, EditResult(EditStatus.NO_MASK, reason))
        key = self._key(item)
        value = self._store.get(key)
        if value is None:
            return None
        return Candidate({**self._base_row(item), **unpack(value)[0]["row"]}, key, new=False)

    def _edit(self, items: Sequence[Item]) -> list[Candidate]:
        candidates: dict[str, Candidate] = {}
        requests: list[tuple[Item, EditRequest]] = []
        for item in items:
            try:
                requests.append((item, self._request(item)))
            except RejectedImageError as error:
                failed = EditResult(EditStatus.IMAGE_UNREADABLE, str(error))
                candidates[item.candidate_id] = self._failed(item, failed)
        start = time.monotonic()
        results = self._results([request for _, request in requests])
        seconds = (time.monotonic() - start) / max(len(requests), 1)
        for (item, request), result in zip(requests, results, strict=True):
            candidates[item.candidate_id] = self._finish(item, request, result, seconds)
        return [candidates[item.candidate_id] for item in items]

    def _results(self, requests: list[EditRequest]) -> list[EditResult]:
        if not requests:
            return []
        try:
            results = self._editor.edit(requests)
        except Exception as error:  # a backend's bug on one item must not end the stage
            if len(requests) > 1:
                return [result for request in requests for result in self._results([request])]
            logger.exception("the editor failed")
            return [EditResult(EditStatus.FAILED, f"{type(error).__name__}: {error}")]
        if len(results) != len(requests):
            reason = f"the editor gave {len(results)} results for {len(requests)} items"
            return [EditResult(EditStatus.FAILED, reason)] * len(requests)
        return results

    def _finish(self, item: Item, request: EditRequest, result: EditResult, seconds: float) -> Candidate:
        if result.status != names.OK:
            return self._failed(item, result)
        try:
            image, receipt = _checked(item, request, result)
        except Exception as error:  # an answer that cannot be measured is a failed item, not a picture
            logger.exception("the result for %s cannot be used", item.candidate_id)
            return self._failed(item, EditResult(EditStatus.FAILED, f"{type(error).__name__}: {error}"))
        row = {**asdict(receipt), "batch_size": self._config.edits.batch_size, "dtype": "uint8", "device": "cpu"}
        key = self._key(item)
        self._store.put(key, pack({"row": row, "seconds": round(seconds, 4)}, encode_png(image)))
        logger.debug("computed %s (%s)", item.candidate_id, request.prompt.name)
        return Candidate({**self._base_row(item), **row}, key, new=True)

    def _failed(self, item: Item, result: EditResult) -> Candidate:
        row = self._base_row(item) | {"status": str(result.status), "reason": result.reason}
        return Candidate(row, None, new=False)

    def _mask_bytes(self, item: Item) -> bytes:
        mask = self._masks[item.photo["image_id"]]
        data: bytes = mask["smoothed"] or mask["mask"]
        return data

    def _request(self, item: Item) -> EditRequest:
        if item.prompt is None:
            raise ValueError("an item without a prompt cannot be edited")
        photo = read_photo(item.photo, self._config.reading)
        mask: Array = decode_mask(self._mask_bytes(item))
        return EditRequest(photo.image, mask, item.prompt, item.seed)

    def _key(self, item: Item) -> str:
        """Digest of everything that the picture and its receipt depend on."""
        editor = self._editor
        return digest(
            "edit",
            STAGE_VERSIONS["edits"],
            item.photo["sha256"],
            reading_key(self._config.reading),
            self._mask_bytes(item),
            item.attribute,
            item.prompt.name if item.prompt else "",
            item.prompt.description if item.prompt else "",
            item.seed,
            editor.name,
            editor.version,
            editor.revision,
            json.dumps(self._config.edits.options, sort_keys=True),
        )

    def _base_row(self, item: Item) -> Row:
        prompt = item.prompt
        return {
            "candidate_id": item.candidate_id,
            "image_id": item.photo["image_id"],
            "class_id": item.photo["class_id"],
            "class_name": item.photo["class_name"],
            "attribute": item.attribute,
            "feasibility": item.feasibility,
            "k": item.k,
            "round": item.round,
            "pair_id": item.pair_id,
            "prompt_id": prompt.prompt_id if prompt else "",
            "prompt_name": prompt.name if prompt else "",
            "prompt_description": prompt.description if prompt else "",
            "seed": item.seed,
            "backend": self._editor.name,
            "backend_version": _version(self._editor),
            "params_digest": self._key(item) if prompt and self._has_mask(item) else "",
            "status": names.OK,
            "reason": "",
        }

    def _has_mask(self, item: Item) -> bool:
        mask = self._masks.get(item.photo["image_id"])
        return mask is not None and mask["mask"] is not None


def _version(editor: Editor) -> str:
    return str(editor.version) if editor.revision is None else f"{editor.version} {editor.revision}"


def _checked(item: Item, request: EditRequest, result: EditResult) -> tuple[Array, Receipt]:
    """The picture with the photo's own pixels outside the region, and its receipt.

    The editor composites too; doing it here makes the promise hold for every backend.

    Raises:
        ValueError: the result has no picture or region, or they do not fit the photo.
    """
    if result.image is None or result.region is None:
        raise ValueError("the editor said ok but gave no picture or no region")
    image = composite(request.image, result.image, result.region)
    receipt = measure(
        request.image, image, request.mask, result.region, attribute=item.attribute, target_rgb=result.target_rgb
    )
    return image, receipt


def with_images(candidates: Sequence[Candidate], store: ItemStore) -> Iterator[Row]:
    """Rows with their pictures, fetched from the store one at a time."""
    for candidate in candidates:
        value = store.get(candidate.key) if candidate.key else None
        yield candidate.row if value is None else {**candidate.row, "image": unpack(value)[1]}
