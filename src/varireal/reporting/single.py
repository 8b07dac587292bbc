"""A copy of a finished gallery in one file, for places that hold one file only: ``snakemake --report`` is one.

The data lie in the page as JSON blocks that no browser runs. What does not fit is left out from the end, and the page
says so.
"""

import json
import logging
import re
from bisect import bisect_right
from pathlib import Path
from typing import Any

from markupsafe import escape

from varireal.core.files import write_whole
from varireal.errors import DataError
from varireal.reporting.data_files import script_json, script_name
from varireal.reporting.document import CANDIDATE_COLUMNS, CARD_COLUMNS

FRAME_BYTES = 1_500_000
"""What a frame can show. Chromium opens no address of more than 2 MiB (``url::kMaxURLChars``), and Snakemake's report
puts the file into a frame as a base64 address, which takes four characters for three bytes."""

_FACTS = re.compile(r'<script type="application/json" id="facts">(.*?)</script>\n', re.S)
_DOWNLOADS = re.compile(r'<h2>Files</h2>\s*<ul class="downloads">.*?</ul>\s*', re.S)
_FILES = re.compile(r'<p class="files">.*?</p>\s*', re.S)
_FILE_SOURCES = str(escape(" 'self' file:"))
_MAIN = '<main id="main">\n'

_COUNTS_SHARE = 0.25  # of the file

_log = logging.getLogger(__name__)

Payload = dict[str, Any]


def write_single_page(folder: Path, output: Path, *, limit_bytes: int = FRAME_BYTES) -> int:
    """Write a gallery as one file: its first pairs with their thumbnails, then large pictures while there is room.

    Args:
        folder: a gallery that ``write_gallery`` finished.
        output: the file to write.
        limit_bytes: size of the file. Only the totals of the study may exceed it, which are never left out.

    Returns:
        The number of pairs that were left out.

    Raises:
        DataError: the folder holds no such gallery, or a file of it is damaged.
    """
    source = _Source(folder, limit_bytes)
    fitting = bisect_right(range(len(source) + 1), limit_bytes, key=lambda pairs: len(source.copy(pairs)))
    pairs = max(0, fitting - 1)
    details = 0
    while details < source.pages_of(pairs) and len(source.copy(pairs, details + 1)) <= limit_bytes:
        details += 1
    document = source.copy(pairs, details)
    if len(document) > limit_bytes:
        _log.warning("%s has %d bytes, more than %d: a frame may stay empty", output, len(document), limit_bytes)
    write_whole(output, document)
    return source.total - pairs


class _Source:
    """What a copy of at most ``limit`` bytes may need of a gallery; its length is the number of pairs held here."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._address = f"{folder.name}/index.html"
        self._head, self._facts, self._tail = _split(folder / "index.html")
        count = self._facts["count"]
        self.total: int = count["cards"]
        # counts by class that would leave no room for pairs stay out
        self._counts = _read(folder, "counts", 0) if self._facts["funnel"] is None else None
        self._with_counts = self._counts is not None and len(script_json(self._counts)) <= limit * _COUNTS_SHARE
        self._pages: list[Payload] = []
        self._details: list[Payload] = []
        held = 0
        while held <= limit and len(self._pages) < count["pages"]:
            number = len(self._pages)
            self._pages.append(_read(folder, "page", number))
            self._details.append(_read(folder, "detail", number))
            held += (folder / "data" / script_name("page", number)).stat().st_size
        self._pairs = sum(len(page["cards"]) for page in self._pages)
        self._index = _read_index(folder, count["chunks"], self._pairs)

    def __len__(self) -> int:
        return self._pairs

    def pages_of(self, pairs: int) -> int:
        """Return how many pages the first pairs are on."""
        return len(_shares(self._pages, pairs))

    def copy(self, pairs: int, details: int = 0) -> bytes:
        """Return the page with its first pairs, and with the large pictures of its first ``details`` pages."""
        shares = _shares(self._pages, pairs)
        index = _index_of(self._index, pairs)
        blocks = {script_name("index", 0): index}
        if self._counts is not None and self._with_counts:
            blocks[script_name("counts", 0)] = self._counts
        for number, share in enumerate(shares):
            cards = self._pages[number]["cards"][:share]
            # photos are in the order of their first use
            photos = 1 + max(card[0] for card in cards)
            kinds = {"page": self._pages[number]} | ({"detail": self._details[number]} if number < details else {})
            for kind, payload in kinds.items():
                cut = {"photos": payload["photos"][:photos], "cards": payload["cards"][:share]}
                blocks[script_name(kind, number)] = {**payload, **cut}
        count = {"cards": pairs, "candidates": len(index["candidates"]["arm"]), "pages": len(shares), "chunks": 1}
        facts = {**self._facts, "count": count, "copy": True}
        lacking = any(_has_pictures(detail) for detail in self._details[details : len(shares)])
        text = "".join(
            (
                self._head.replace(_MAIN, _MAIN + self._note(pairs, lacking=lacking), 1),
                _block("facts", facts),
                *(_block(name.removesuffix(".js"), payload) for name, payload in blocks.items()),
                self._tail,
            )
        )
        return text.encode("utf-8")

    def _note(self, pairs: int, *, lacking: bool) -> str:
        """Return the sentence that says what the copy lacks; nothing when it lacks nothing."""
        parts = []
        if pairs < self.total:
            parts.append(f"holds the first {pairs:,} of {self.total:,} pairs")
        lacks = ["large pictures"] * lacking
        if self._counts is not None and not self._with_counts:
            lacks.append("counts by class")
        if lacks:
            parts.append(f"lacks {' and '.join(lacks)}")
        if not parts:
            return ""
        sentence = f"This copy {' and '.join(parts)}; the whole page is {escape(self._address)}."
        return f'<p class="copy-note" role="note">{sentence}</p>\n'


def _split(path: Path) -> tuple[str, Payload, str]:
    """Return what comes before the facts of a page, the facts, and what comes after; without links to other files."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); run the stage report again") from error
    facts = _FACTS.search(text)
    if facts is None or text.count(_FILE_SOURCES) != 1 or text.count(_MAIN) != 1:
        raise DataError(f"{path} is not a page that this version wrote; run the stage report again")
    head = _FILES.sub("", _DOWNLOADS.sub("", text[: facts.start()])).replace(_FILE_SOURCES, "")
    return head, json.loads(facts[1]), text[facts.end() :]


def _read(folder: Path, kind: str, number: int) -> Payload:
    """Return the payload of one data file."""
    path = folder / "data" / script_name(kind, number)
    try:
        text = path.read_text("ascii")
        start, end = f"varireal.{kind}({number},", ");\n"
        payload: Payload = json.loads(text.removeprefix(start).removesuffix(end))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} of the report cannot be read ({error}); run the stage report again") from error
    return payload


def _read_index(folder: Path, chunks: int, pairs: int) -> Payload:
    """Return the index files that cover the first pairs as one."""
    index: Payload = {"images": [], "prompts": [], "combos": []}
    index["cards"] = {name: [] for name in CARD_COLUMNS}
    index["candidates"] = {name: [] for name in CANDIDATE_COLUMNS}
    for number in range(chunks):
        if len(index["cards"]["size"]) >= pairs:
            break
        chunk = _read(folder, "index", number)
        for name in ("images", "prompts", "combos"):
            index[name] += chunk[name]
        for table in ("cards", "candidates"):
            for name, column in index[table].items():
                column += chunk[table][name]
    return index


def _index_of(index: Payload, pairs: int) -> Payload:
    """Cut an index after a number of pairs; its tables are in the order of first use, so they are cut as well."""
    cards = {name: column[:pairs] for name, column in index["cards"].items()}
    candidates = {name: column[: sum(cards["size"])] for name, column in index["candidates"].items()}
    tables = {"images": cards["image"], "prompts": candidates["prompt"], "combos": candidates["combo"]}
    cut = {name: index[name][: max(used, default=-1) + 1] for name, used in tables.items()}
    return {**cut, "cards": cards, "candidates": candidates}


def _shares(pages: list[Payload], pairs: int) -> list[int]:
    """Return how many of the first pairs each page holds, without the pages that hold none of them."""
    shares = []
    for page in pages:
        if pairs <= 0:
            break
        shares.append(min(pairs, len(page["cards"])))
        pairs -= len(page["cards"])
    return shares


def _has_pictures(detail: Payload) -> bool:
    return any(detail["photos"]) or any(any(card) for card in detail["cards"])


def _block(name: str, payload: Payload) -> str:
    """Return data as an element that is not run; ``store.js`` finds it by its id."""
    return f'<script type="application/json" id="{name}">{script_json(payload)}</script>\n'
