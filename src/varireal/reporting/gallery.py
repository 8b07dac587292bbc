"""Write the gallery of a study as a folder that opens from disk: ``index.html`` beside ``data/*.js``.

``index.html`` holds the totals and stays small; the columns that filters need are in ``data/index-*.js``, thumbnails
and facts of the cards in ``data/page-*.js``, the large pictures of the same cards in ``data/detail-*.js``, and the
counts by class in ``data/counts-00000.js`` where they are many.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from varireal.core.files import write_whole
from varireal.errors import DataError
from varireal.reporting.confusions import DETAIL_QUALITY, THUMBNAIL_QUALITY, fitted, jpeg_url, outline
from varireal.reporting.data_files import remove_stale_data, remove_stale_files, rounded, write_script
from varireal.reporting.document import IndexWriter, count_rows, counts_apart, render_document
from varireal.reporting.records import GalleryCandidate, GalleryFacts, GalleryPhoto, GallerySummary, Photos
from varireal.reporting.study_results import StudyResults

if TYPE_CHECKING:
    from varireal.reporting.results import ResultsPage


class PageWriter:
    """Writes ``page-*.js`` (thumbnails and facts of the cards) and ``detail-*.js`` (large pictures of the same cards).

    One pair is never split, and one page holds each photo once. Only the page being filled is in memory.
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
        row: list[Any] = [
            candidate.candidate_id,
            # as text: a 64-bit seed does not fit into a JavaScript number
            str(candidate.seed),
            candidate.backend,
            thumbnail,
            list(candidate.reasons),
            values,
        ]
        if candidate.mask is not None:
            row.append(list(outline(candidate.mask)))
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


def write_gallery(
    folder: Path,
    facts: GalleryFacts,
    photos: Photos,
    candidates: Iterable[GalleryCandidate],
    *,
    page_size: int = 60,
    thumbnail_px: int = 192,
    detail_px: int = 512,
    results: StudyResults | None = None,
) -> GallerySummary:
    """Write a gallery, with the results of classifiers where there are any; candidates are read once, as a stream.

    Args:
        folder: where to write; made when missing. Data files of an earlier gallery there are replaced.
        facts: what the page says about the study as a whole.
        photos: looks up a photo by its id; asked once per photo in a row, and for test pictures when there are
            results.
        candidates: sorted by class_id, image_id, attribute, k, feasibility and round.
        page_size: candidates of a page file; a pair is never split over two.
        thumbnail_px: longest side of a thumbnail in pixels.
        detail_px: longest side of a large picture in pixels.
        results: what is known of the classifiers; None when only the data set was made. Their tables and figures go
            to ``tables`` and ``figures`` in the folder.

    Raises:
        DataError: the candidates are not sorted, or one appears twice.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    pages = PageWriter(data, photos, page_size=page_size, thumbnail_px=thumbnail_px, detail_px=detail_px)
    index = IndexWriter(data)
    if facts.drawn:
        index.expect(facts.funnel)
    last: tuple[str, str, str, int, str, int] | None = None
    for candidate in candidates:
        key = _sort_key(candidate)
        if last is not None and key <= last:
            raise DataError(
                f"candidate {candidate.candidate_id} comes after one of {last}; "
                "candidates must be sorted by class, image, attribute, k, feasibility and round, each once"
            )
        if last is None or key[:4] != last[:4]:
            index.start_card(candidate, pages.start_card(candidate.image_id))
        index.add(candidate)
        pages.add(candidate)
        last = key
    pages.flush()
    index.flush()
    apart = counts_apart(facts)
    if apart:
        write_script(data, "counts", 0, {"rows": count_rows(facts)})
    remove_stale_data(data, pages=pages.number, chunks=index.chunks, counts=int(apart))
    document = render_document(facts, index, pages=pages.number, page=_results_page(folder, results, photos))
    write_whole(folder / "index.html", document)
    return GallerySummary(pages=pages.number, candidates=index.candidates, index_bytes=len(document))


def _sort_key(c: GalleryCandidate) -> tuple[str, str, str, int, str, int]:
    return c.class_id, c.image_id, c.attribute, c.k, c.feasibility, c.round


def _results_page(folder: Path, results: StudyResults | None, photos: Photos) -> "ResultsPage | None":
    if results is None:
        remove_stale_files(folder, ())
        return None
    # matplotlib takes longer to load than a small gallery to write
    from varireal.reporting.results import write_results

    return write_results(folder, results, photos)
