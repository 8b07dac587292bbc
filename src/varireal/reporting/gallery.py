"""Write the gallery of a study as a folder that opens from disk: ``index.html`` beside ``data/*.js``.

``index.html`` holds the totals and stays small; the columns that filters need are in ``data/index-*.js``, thumbnails
and facts of the cards in ``data/page-*.js``, the large pictures of the same cards in ``data/detail-*.js``, and the
counts by class in ``data/counts-00000.js`` where they are many.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from varireal.errors import DataError
from varireal.files import write_whole
from varireal.reporting.document import count_rows, counts_apart, render_document
from varireal.reporting.index import IndexWriter
from varireal.reporting.pages import PageWriter
from varireal.reporting.records import (
    FunnelRow,
    GalleryCandidate,
    GalleryFacts,
    GalleryPhoto,
    GallerySummary,
)
from varireal.reporting.results_records import StudyResults
from varireal.reporting.scripts import write_script
from varireal.reporting.stale import remove_stale_data, remove_stale_files

if TYPE_CHECKING:
    from varireal.reporting.results_page import ResultsPage

__all__ = ["FunnelRow", "GalleryCandidate", "GalleryFacts", "GalleryPhoto", "GallerySummary", "write_gallery"]


def write_gallery(
    folder: Path,
    facts: GalleryFacts,
    photos: Callable[[str], GalleryPhoto],
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


def _sort_key(candidate: GalleryCandidate) -> tuple[str, str, str, int, str, int]:
    return (
        candidate.class_id,
        candidate.image_id,
        candidate.attribute,
        candidate.k,
        candidate.feasibility,
        candidate.round,
    )


def _results_page(
    folder: Path, results: StudyResults | None, photos: Callable[[str], GalleryPhoto]
) -> "ResultsPage | None":
    if results is None:
        remove_stale_files(folder, ())
        return None
    # matplotlib takes longer to load than a small gallery to write
    from varireal.reporting.results_page import write_results

    return write_results(folder, results, photos)
