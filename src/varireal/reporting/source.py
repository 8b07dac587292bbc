"""What the report's page is made from: the shown pairs with their photos, in the order of the gallery.

A study has thousands of tables, in another order than the page. Each is opened once; what is shown of it goes into a
temporary file as it is stored, and pictures are decoded when the page is at them.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from varireal import names
from varireal.config.images import ReadingConfig
from varireal.core.paths import StudyPaths, shard_name
from varireal.core.pictures import decode_png
from varireal.core.seeds import stable_int
from varireal.datasets.decoding import RejectedImageError, read_photo
from varireal.errors import DataError
from varireal.metrics.measures import RECEIPT_FIELDS
from varireal.reporting.records import ACCEPTED, FAILED, REJECTED, GalleryCandidate, GalleryPhoto, Row
from varireal.running import stopping
from varireal.segmenters.quality import decode_mask
from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, MASKS, VERDICTS, measures_in, with_measures

_SHOWN_AT_ONCE = 8192  # rows
_HELD = 8  # times the limit: when so many pairs are held, those that cannot be drawn any more are let go
_ACCEPTED, _REJECTED, _FAILED = range(3)  # outcomes of one arm, the worst last

_Ticket = tuple[str, tuple[str, int], int, str]  # class, attribute and outcome, number of the draw, pair


@dataclass(frozen=True, slots=True)
class ChosenPairs:
    """The pairs that are shown.

    Attributes:
        pairs: their ``pair_id``.
        total: pairs of the study.
    """

    pairs: frozenset[str]
    total: int

    @property
    def sentence(self) -> str:
        """What the page says of the draw; empty when all pairs are shown."""
        if len(self.pairs) == self.total:
            return ""
        return (
            f"{len(self.pairs):,} of {self.total:,} pairs are shown, drawn by a digest of their names evenly over "
            "classes, attributes and outcomes, so failures are over-represented; Funnel counts all, and the "
            "manifest lists all."
        )


class Draw:
    """Takes the pairs of a study one by one and keeps those that are drawn.

    Every class gets as many pairs as any other, as long as it has so many, and within a class every attribute and
    outcome; which ones, a digest of their names decides. A pair that is not among the drawn of a part of the study is
    not among those of the whole, because more pairs only move it back; so the rest can be let go on the way.

    The draw depends on the pairs alone, never on their order: the same study shows the same pairs, and a pair whose
    outcome changed moves few others. Few more pairs than are shown are in memory, whatever the study's size.

    Args:
        limit: most pairs that are drawn.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tickets: list[_Ticket] = []
        self._order: dict[str, int] = {}  # of the classes, for what is left when all have the same number
        self.total = 0

    def add(self, class_id: str, attribute: str, outcome: int, pair_id: str) -> None:
        """Take a pair; each comes once."""
        self.total += 1
        if class_id not in self._order:
            self._order[class_id] = stable_int("shown", class_id)
        self._tickets.append((class_id, (attribute, outcome), stable_int("shown", pair_id), pair_id))
        if len(self._tickets) >= _HELD * self._limit:
            self._tickets = self._drawn()

    def pairs(self) -> frozenset[str]:
        """Return the drawn pairs of those that were taken."""
        return frozenset(pair_id for *_, pair_id in self._drawn())

    def _drawn(self) -> list[_Ticket]:
        if len(self._tickets) <= self._limit:
            return self._tickets
        places: dict[str, int] = defaultdict(int)
        turns = []
        for class_id, _, ticket in sorted(self._by_rank(), key=lambda ranked: ranked[:2]):
            turns.append((places[class_id], self._order[class_id], ticket))
            places[class_id] += 1
        return [ticket for *_, ticket in sorted(turns)[: self._limit]]

    def _by_rank(self) -> Iterator[tuple[str, tuple[int, int, str], _Ticket]]:
        """Yield class, rank among those of the same attribute and outcome with its number to break ties, ticket."""
        ranks: dict[tuple[str, tuple[str, int]], int] = defaultdict(int)
        for ticket in sorted(self._tickets, key=lambda ticket: ticket[2:]):
            class_id, group, number, pair_id = ticket
            yield class_id, (ranks[class_id, group], number, pair_id), ticket
            ranks[class_id, group] += 1


def choose_pairs(
    paths: StudyPaths, *, attributes: tuple[str, ...], shards: int, rounds: int, limit: int
) -> ChosenPairs:
    """Draw the pairs that are shown; no picture is read, and the tables of one shard at a time.

    Raises:
        DataError: a table is damaged, or a candidate has no verdict.
        StoppedError: a signal has come.
    """
    draw = Draw(limit)
    for attribute in attributes:
        for index in range(shards):
            stopping.checkpoint()
            for pair_id, (class_id, outcome) in _pairs(paths, attribute, shard_name(index, shards), rounds).items():
                draw.add(class_id, attribute, outcome, pair_id)
    return ChosenPairs(draw.pairs(), draw.total)


def _pairs(paths: StudyPaths, attribute: str, shard: str, rounds: int) -> dict[str, tuple[str, int]]:
    """Class and outcome of each pair: that of its worse arm, whose own is that of its last candidate."""
    pairs: dict[str, tuple[str, int]] = {}
    for feasibility in names.FEASIBILITIES:
        last: dict[str, tuple[str, int]] = {}
        for round_ in range(rounds):
            place = (attribute, feasibility, round_, shard)
            last |= _outcomes(Path(paths.edits(*place)), Path(paths.verdicts(*place)))
        for pair_id, (class_id, outcome) in last.items():
            pairs[pair_id] = (class_id, max(outcome, pairs.get(pair_id, ("", _ACCEPTED))[1]))
    return pairs


def _outcomes(edits: Path, verdicts: Path) -> dict[str, tuple[str, int]]:
    """Class and outcome of the candidates of a table, by pair."""
    accepted_by_id = dict(_columns(verdicts, VERDICTS, "candidate_id", "accepted"))
    outcomes = {}
    rows = _columns(edits, EDITS, "candidate_id", "pair_id", "class_id", "status")
    for candidate_id, pair_id, class_id, status in rows:
        accepted = accepted_by_id.get(candidate_id)
        if accepted is None:
            raise DataError(f"{verdicts} has no verdict on {candidate_id} of {edits}; run the stage verdicts again")
        outcomes[pair_id] = (class_id, _ACCEPTED if accepted else _REJECTED if status == names.OK else _FAILED)
    return outcomes


def _columns(path: Path, schema: pa.Schema, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of some columns of a table, row by row."""
    for batch in tables.batches(path, schema, columns, at_once=_SHOWN_AT_ONCE):
        yield from zip(*(batch[name].to_pylist() for name in columns), strict=True)


_AT_ONCE = 4096  # rows without pictures
_NO_PHOTO = 128  # grey in place of a photo that cannot be read any more
_ORDER = ("class_id", "image_id", "attribute", "k", "feasibility", "round")
_TEXTS = (*("candidate_id", "class_name", "prompt_id", "prompt_name", "prompt_description", "seed"), "backend")
_EDIT_COLUMNS = (*_ORDER, *_TEXTS, "status", *RECEIPT_FIELDS, "image", "edit_mask")
_NO_MEASURES = frozenset((*_ORDER, *_TEXTS, "status"))
_VERDICT_COLUMNS = ("candidate_id", "accepted", "reasons")
_PHOTO_COLUMNS = ("image_id", "split", "path", "width", "height", "sha256")
_MASK_COLUMNS = ("image_id", "status", "reason", "mask", "smoothed")


class _SpoolRange(NamedTuple):
    """Where bytes lie in the temporary file."""

    start: int
    length: int


_Pictures = tuple[_SpoolRange | None, ...]


class Spool(AbstractContextManager["Spool"]):
    """Bytes in a file without a name, so that nothing is left of it when the process is killed.

    Args:
        folder: on its disk; that of the results, because a small one often holds the system's temporary files.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by __exit__)
        self._end = 0

    def __exit__(self, *error: object) -> None:
        """Let the bytes go."""
        self._file.close()

    def add(self, data: bytes) -> _SpoolRange:
        """Keep bytes; return their place."""
        self._file.seek(self._end)
        self._file.write(data)
        place = _SpoolRange(self._end, len(data))
        self._end += len(data)
        return place

    def read(self, place: _SpoolRange) -> bytes:
        """Return the bytes of a place."""
        self._file.seek(place.start)
        return self._file.read(place.length)


class Candidates:
    """The candidates of the shown pairs; iterating gives them in the order of the gallery.

    Args:
        spool: where their rows and pictures are kept.
        pairs: ``pair_id`` of the pairs.
    """

    def __init__(self, spool: Spool, pairs: Set[str]) -> None:
        self._spool, self._pairs = spool, pairs
        self._places: list[tuple[tuple[Any, ...], _SpoolRange, _Pictures]] = []
        self.images: set[str] = set()

    def take(self, edits: Path, verdicts: Path) -> None:
        """Keep those of a table.

        Raises:
            DataError: a table is damaged.
            StoppedError: a signal has come.
        """
        stopping.checkpoint()
        rows: dict[str, tuple[Row, _Pictures]] = {}
        more = measures_in([edits])
        columns = [*_EDIT_COLUMNS, *(field.name for field in more)]
        for row in tables.picked(edits, with_measures(EDITS, more), columns, key="pair_id", wanted=self._pairs):
            rows[row["candidate_id"]] = (row, self._kept(row.pop("image"), row.pop("edit_mask")))
        if not rows:
            return
        for verdict in tables.picked(
            verdicts, VERDICTS, _VERDICT_COLUMNS, key="candidate_id", wanted=rows.keys(), at_once=_AT_ONCE
        ):
            taken, places = rows[verdict["candidate_id"]]
            facts = self._spool.add(json.dumps([taken, verdict]).encode())
            self._places.append((tuple(taken[name] for name in _ORDER), facts, places))
            self.images.add(taken["image_id"])

    def _kept(self, *pictures: bytes | None) -> _Pictures:
        return tuple(None if data is None else self._spool.add(data) for data in pictures)

    def __iter__(self) -> Iterator[GalleryCandidate]:
        """Yield each, decoded.

        Raises:
            StoppedError: a signal has come.
        """
        for _, facts, places in sorted(self._places):
            stopping.checkpoint()
            row, verdict = json.loads(self._spool.read(facts))
            yield _candidate(row, verdict, *(None if place is None else self._spool.read(place) for place in places))


def _candidate(row: Row, verdict: Row, image: bytes | None, mask: bytes | None) -> GalleryCandidate:
    return GalleryCandidate(
        **{name: row[name] for name in (*_ORDER, *_TEXTS)},
        outcome=ACCEPTED if verdict["accepted"] else FAILED if image is None else REJECTED,
        reasons=tuple(verdict["reasons"]),
        receipt={name: value for name, value in row.items() if name not in _NO_MEASURES},
        image=None if image is None else decode_png(image),
        mask=None if mask is None else decode_mask(mask),
    )


class Photos:
    """Photos of the page by id, read when they are asked for.

    Args:
        images: table of images.
        reading: how photos are read.
        wanted: ids of the photos that were edited.
        tests: photos of the other splits can be asked for too.
        spool: where masks are kept.
    """

    def __init__(self, images: Path, reading: ReadingConfig, wanted: Set[str], spool: Spool, *, tests: bool) -> None:
        self._reading, self._wanted, self._spool = reading, wanted, spool
        self._rows = {row["image_id"]: row for row in _photo_rows(images, wanted, tests=tests)}
        self._masks: dict[str, tuple[Row, _SpoolRange | None]] = {}

    def take_masks(self, path: Path) -> None:
        """Keep the masks of a table.

        Raises:
            DataError: the table is damaged.
        """
        for row in tables.picked(path, MASKS, _MASK_COLUMNS, key="image_id", wanted=self._wanted):
            data = row["smoothed"] or row["mask"]
            self._masks[row["image_id"]] = (
                {"status": row["status"], "reason": row["reason"]},
                self._spool.add(data) if data else None,
            )

    def __call__(self, image_id: str) -> GalleryPhoto:
        """Return a photo with its mask.

        Raises:
            DataError: the table of images does not have it.
        """
        if image_id not in self._rows:
            raise DataError(f"the table of images has no row {image_id} that the edits name; run the workflow again")
        row = self._rows[image_id]
        try:
            picture, problem = read_photo(row, self._reading).image, ""
        except RejectedImageError as error:
            # the page must show what was made of a photo that is gone since
            picture, problem = np.full((row["height"], row["width"], 3), _NO_PHOTO, np.uint8), str(error)
        mask, place = self._masks.get(image_id, ({"status": "mask_missing", "reason": ""}, None))
        return GalleryPhoto(
            image_id=image_id,
            split=row["split"],
            image=picture,
            mask=None if place is None else decode_mask(self._spool.read(place)),
            mask_status="image_unreadable" if problem else mask["status"],
            mask_reason=problem or mask["reason"],
        )


def _photo_rows(images: Path, wanted: Set[str], *, tests: bool) -> Iterator[Row]:
    """Yield the rows of the photos that may be asked for."""
    for batch in tables.batches(images, IMAGES, _PHOTO_COLUMNS, at_once=_AT_ONCE):
        pairs = zip(batch["image_id"].to_pylist(), batch["split"].to_pylist(), strict=True)
        needed = [image_id in wanted or (tests and split != names.TRAIN) for image_id, split in pairs]
        yield from batch.filter(pa.array(needed, pa.bool_())).to_pylist()
