"""Cut a stream of candidates into page files: one pair is never split, one page holds each photo once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from varireal.reporting.records import GalleryCandidate, GalleryPhoto
from varireal.reporting.scripts import rounded, write_script
from varireal.reporting.thumbnails import DETAIL_QUALITY, THUMBNAIL_QUALITY, fitted, jpeg_url, outline

Photos = Callable[[str], GalleryPhoto]


class PageWriter:
    """Writes ``page-*.js`` (thumbnails and facts of the cards) and ``detail-*.js`` (large pictures of the same cards).

    Only the page being filled is in memory.
    """

    def __init__(self, folder: Path, photos: Photos, *, page_size: int, thumbnail_px: int, detail_px: int) -> None:
        self._folder = folder
        self._photos = photos
        self._page_size = page_size
        self._thumbnail_px = thumbnail_px
        self._detail_px = detail_px
        self._last_photo: GalleryPhoto | None = None
        self.number = 0
        self._clear()

    def _clear(self) -> None:
        self._cards: list[list[Any]] = []
        self._details: list[list[str | None]] = []
        self._photo_rows: list[list[Any]] = []
        self._photo_details: list[str | None] = []
        self._photo_index: dict[str, int] = {}
        self._measures: dict[str, int] = {}
        self._held = 0

    def start_card(self, image_id: str) -> int:
        """Begin the card of a new pair, on a new page when the current one is full; return the page's number."""
        if self._held >= self._page_size:
            self.flush()
        if image_id not in self._photo_index:
            self._add_photo(image_id)
        self._cards.append([self._photo_index[image_id]])
        self._details.append([])
        return self.number

    def add(self, candidate: GalleryCandidate) -> None:
        """Add a candidate to the card that was started last."""
        thumbnail, detail = self._pictures(candidate.image)
        values: list[float | None] = [None] * len(self._measures)
        for name, value in candidate.receipt.items():
            place = self._measures.setdefault(name, len(self._measures))
            values.extend([None] * (place + 1 - len(values)))
            values[place] = rounded(value)
        row = [
            candidate.candidate_id,
            # as text: a 64-bit seed does not fit into a JavaScript number
            str(candidate.seed),
            candidate.backend,
            thumbnail,
            list(candidate.reasons),
            values,
        ]
        self._cards[-1].append(row)
        self._details[-1].append(detail)
        self._held += 1

    def flush(self) -> None:
        """Write the page being filled, if it holds anything."""
        if not self._cards:
            return
        page = {"photos": self._photo_rows, "measures": list(self._measures), "cards": self._cards}
        write_script(self._folder, "page", self.number, page)
        detail = {"photos": self._photo_details, "cards": self._details}
        write_script(self._folder, "detail", self.number, detail)
        self.number += 1
        self._clear()

    def _pictures(self, image: Any) -> tuple[str | None, str | None]:
        """Return thumbnail and detail picture; no detail where the thumbnail already shows every pixel."""
        if image is None:
            return None, None
        thumbnail = jpeg_url(fitted(image, self._thumbnail_px), THUMBNAIL_QUALITY)
        if max(image.shape[:2]) <= self._thumbnail_px:
            return thumbnail, None
        return thumbnail, jpeg_url(fitted(image, self._detail_px), DETAIL_QUALITY)

    def _add_photo(self, image_id: str) -> None:
        photo = self._last_photo
        if photo is None or photo.image_id != image_id:
            photo = self._last_photo = self._photos(image_id)
        thumbnail, detail = self._pictures(photo.image)
        height, width = photo.image.shape[:2]
        path = None if photo.mask is None else list(outline(photo.mask))
        self._photo_index[image_id] = len(self._photo_rows)
        self._photo_rows.append([thumbnail, width, height, path, photo.split, photo.mask_status, photo.mask_reason])
        self._photo_details.append(detail)
