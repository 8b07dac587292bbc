"""The object's outline in an edit, found again by a segmenter and kept in the item store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from varireal.config.masks import MasksConfig
from varireal.names import MaskStatus
from varireal.pictures import decode_png
from varireal.running import job_record
from varireal.seeds import digest
from varireal.segmenters.again import Resegmented, segment_again
from varireal.segmenters.base import Segmenter
from varireal.segmenters.kept import own_options
from varireal.segmenters.quality import decode_mask
from varireal.store import ItemStore

Row = Mapping[str, Any]

_NO_MASK = Resegmented(None, None, None, MaskStatus.MISSING, "the photo has no mask")


class OutlineCheck:
    """Segments candidates again, those that the store does not know.

    Args:
        segmenter: who segments.
        config: its options.
        noun: what all classes are, for segmenters that use names.
        masks: PNG bytes of the mask that an edit was made with, by image id.
        store: the job's item store.
    """

    def __init__(
        self, segmenter: Segmenter, config: MasksConfig, noun: str, masks: Mapping[str, bytes], store: ItemStore
    ) -> None:
        self._segmenter, self._noun, self._masks, self._store = segmenter, noun, masks, store
        self._options = own_options(config, segmenter.name)
        self.computed = 0

    def look(self, candidates: Sequence[Row]) -> list[Resegmented]:
        """One result per candidate, in order.

        Args:
            candidates: rows of edits with ``image``.

        Raises:
            BackendError: the segmenter cannot run here.
        """
        found: dict[str, Resegmented] = {}
        missing: list[tuple[str, Row]] = []
        for row in candidates:
            if row["image_id"] not in self._masks:
                found[row["candidate_id"]] = _NO_MASK
                continue
            kept = self._store.get(key := self._key(row))
            if kept is None:
                missing.append((key, row))
            else:
                found[row["candidate_id"]] = Resegmented(**json.loads(kept))
        if missing:
            found |= self._segmented(missing)
        return [found[row["candidate_id"]] for row in candidates]

    def _segmented(self, missing: Sequence[tuple[str, Row]]) -> dict[str, Resegmented]:
        job_record.permit()
        rows = [row for _, row in missing]
        results = segment_again(
            self._segmenter,
            [decode_png(row["image"]) for row in rows],
            [decode_mask(self._masks[row["image_id"]]) for row in rows],
            [row["class_name"] for row in rows],
        )
        self.computed += len(missing)
        self._store.put_many(
            [
                (key, json.dumps(asdict(result)).encode())
                for (key, _), result in zip(missing, results, strict=True)
                if result.status != MaskStatus.FAILED
            ]
        )
        return {row["candidate_id"]: result for row, result in zip(rows, results, strict=True)}

    def _key(self, row: Row) -> str:
        segmenter = self._segmenter
        named = (self._noun, row["class_name"]) if segmenter.uses_names else ()
        made = (segmenter.name, segmenter.version, segmenter.revision, self._options)
        return digest("outline", 1, row["image"], self._masks[row["image_id"]], *made, *named)
