"""Render ``index.html``: the template, style and scripts of the package, and the facts of one study."""

import base64
import hashlib
from collections.abc import Hashable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

import jinja2
from markupsafe import Markup

from varireal.errors import DataError
from varireal.reporting.data_files import script_json, write_script
from varireal.reporting.reasons import COUNTS, by_setting, lost, reason_code, reason_text, reasons_of, totals
from varireal.reporting.records import GalleryCandidate, GalleryFacts, Row

if TYPE_CHECKING:
    from varireal.reporting.results import ResultsPage

CHUNK_CANDIDATES = 20_000
CARD_COLUMNS = ("class", "image", "attribute", "k", "page", "size")
CANDIDATE_COLUMNS = ("arm", "round", "outcome", "combo", "prompt")

Value = TypeVar("Value", bound=Hashable)


class Interned(Generic[Value]):
    """Numbers distinct values in the order of their first appearance."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}
        self._sent = 0

    def __call__(self, value: Value) -> int:
        """Return the number of a value."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

    def unsent(self) -> list[Value]:
        """Return the values that came since the last call."""
        fresh = self.values[self._sent :]
        self._sent = len(self.values)
        return fresh


class IndexWriter:
    """Writes ``index-*.js``: what the page filters by, as columns of small integers in files of bounded size.

    Small tables (classes, reasons ...) stay here for ``index.html``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.classes = Interned[tuple[str, str]]()
        self.attributes = Interned[str]()
        self.arms = Interned[str]()
        self.outcomes = Interned[str]()
        self.reasons = Interned[str]()
        self._images = Interned[str]()
        self._prompts = Interned[tuple[str, str, str]]()
        self._combos = Interned[tuple[int, ...]]()
        self.chunks = self.cards = self.candidates = 0
        self._clear()

    def _clear(self) -> None:
        self._card_columns: list[list[int]] = [[] for _ in CARD_COLUMNS]
        self._candidate_columns: list[list[int]] = [[] for _ in CANDIDATE_COLUMNS]

    def expect(self, rows: Iterable[Row]) -> None:
        """Know the classes, attributes and arms of the study, though none of its shown pairs may be of them.

        One that is chosen then leaves nothing, and not everything.
        """
        for row in rows:
            self.classes((row["class_id"], row["class_name"]))
            self.attributes(row["attribute"])
            self.arms(row["feasibility"])

    def start_card(self, candidate: GalleryCandidate, page: int) -> None:
        """Begin the card of the pair that a candidate belongs to."""
        if len(self._candidate_columns[0]) >= CHUNK_CANDIDATES:
            self.flush()
        row = (
            self.classes((candidate.class_id, candidate.class_name)),
            self._images(candidate.image_id),
            self.attributes(candidate.attribute),
            candidate.k,
            page,
            0,
        )
        _append(self._card_columns, row)
        self.cards += 1

    def add(self, candidate: GalleryCandidate) -> None:
        """Add a candidate to the card that was started last."""
        codes = tuple(dict.fromkeys(self.reasons(reason_code(reason)) for reason in candidate.reasons))
        row = (
            self.arms(candidate.feasibility),
            candidate.round,
            self.outcomes(candidate.outcome),
            self._combos(codes),
            self._prompts((candidate.prompt_id, candidate.prompt_name, candidate.prompt_description)),
        )
        _append(self._candidate_columns, row)
        self._card_columns[-1][-1] += 1
        self.candidates += 1

    def flush(self) -> None:
        """Write the columns held so far, if there are any."""
        if not self._card_columns[0]:
            return
        payload: dict[str, Any] = {
            "images": self._images.unsent(),
            "prompts": self._prompts.unsent(),
            "combos": self._combos.unsent(),
            "cards": dict(zip(CARD_COLUMNS, self._card_columns, strict=True)),
            "candidates": dict(zip(CANDIDATE_COLUMNS, self._candidate_columns, strict=True)),
        }
        write_script(self._folder, "index", self.chunks, payload)
        self.chunks += 1
        self._clear()


def _append(columns: list[list[int]], row: tuple[int, ...]) -> None:
    for column, value in zip(columns, row, strict=True):
        column.append(value)


_ASSETS = files("varireal") / "assets" / "report"
_SCRIPTS = ("dom", "store", "filters", "cards", "grid", "viewer", "funnel", "main")

EMBEDDED_COUNTS = 1500
"""Most rows of the counts by class that ``index.html`` holds: about 0.3 MB."""

_RESULT_TABS = (("results", "Results"), ("training", "Training"), ("errors", "Errors"))
TABS = (("gallery", "Gallery"), ("funnel", "Funnel"), ("about", "About"))


def render_document(
    facts: GalleryFacts, index: IndexWriter, *, pages: int, page: "ResultsPage | None" = None
) -> bytes:
    """Return the bytes of ``index.html``; the tabs of results come first, where there are any."""
    styles = ("style", "results") if page else ("style",)
    style = "".join((_ASSETS / f"{name}.css").read_text("utf-8") for name in styles)
    script = "\n".join((_ASSETS / "js" / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    total = totals(facts.funnel)
    text = (
        _environment()
        .get_template("index.html.j2")
        .render(
            facts=facts,
            policy=_policy(style, script),
            style=Markup(style),  # noqa: S704  (a file of this package)
            script=Markup(script),  # noqa: S704  (a file of this package)
            data=Markup(script_json(_payload(facts, index, pages))),  # noqa: S704  (escaped for a script element)
            tabs=(*_RESULT_TABS, *TABS) if page else TABS,
            page=page,
            total=total,
            settings=_settings(facts.funnel),
            reasons=lost(total["reasons"]),
            downloads=[(label, _local_address(path)) for label, path in facts.downloads],
        )
    )
    return text.encode("utf-8", "replace")


def render_page(template: str, **values: Any) -> bytes:
    """Return the bytes of a page without scripts, in the style of the report.

    Args:
        template: name of a template of the report.
        values: what it shows.
    """
    style = "".join((_ASSETS / f"{name}.css").read_text("utf-8") for name in ("style", "results"))
    policy = f"default-src 'none'; style-src {_digest(style)}; base-uri 'none'; form-action 'none'"
    page = _environment().get_template(template)
    text = page.render(policy=policy, style=Markup(style), **values)  # noqa: S704  (a file of this package)
    return text.encode("utf-8", "replace")


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_ASSETS / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(style: str, script: str) -> str:
    """Return the content security policy: inline text by its hash, local files, pictures as data, nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digest(script)} 'self' file:",
            f"style-src {_digest(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _payload(facts: GalleryFacts, index: IndexWriter, pages: int) -> dict[str, Any]:
    """Return what the scripts know before any data file is loaded."""
    codes = dict.fromkeys(index.reasons.values)
    codes.update(dict.fromkeys(code for row in facts.funnel for code, _ in reasons_of(row)))
    return {
        "classes": index.classes.values,
        "attributes": index.attributes.values,
        "arms": index.arms.values,
        "outcomes": index.outcomes.values,
        "reasons": [[code, *reason_text(code)] for code in codes],
        "count": {"cards": index.cards, "candidates": index.candidates, "pages": pages, "chunks": index.chunks},
        "funnel": None if counts_apart(facts) else count_rows(facts),
    }


def counts_apart(facts: GalleryFacts) -> bool:
    """Return whether the counts by class are too many for the page, so that they lie in a file of their own."""
    return len(facts.funnel) > EMBEDDED_COUNTS


def count_rows(facts: GalleryFacts) -> list[list[Any]]:
    """Return the counts by class as ``funnel.js`` reads them."""
    columns = ("class_id", "class_name", "attribute", "feasibility", *COUNTS)
    return [[*(row[name] for name in columns), reasons_of(row)] for row in facts.funnel]


def _settings(funnel: Sequence[Row]) -> list[dict[str, Any]]:
    """Sum the funnel over the classes: one entry per setting, in the order of first appearance."""
    settings = []
    for rows in by_setting(funnel).values():
        total = totals(rows)
        share = 100 * total["accepted"] / total["wanted"] if total["wanted"] else 0.0
        names = {name: rows[0][name] for name in ("attribute", "feasibility")}
        settings.append({**names, **total, "share": f"{share:.2f}"})
    return settings


def _local_address(path: str) -> str:
    """Return a relative path as an address.

    Raises:
        DataError: it is absolute or names a host or a scheme; a page without network links to files beside it only.
    """
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or path.startswith(("/", "\\")):
        raise DataError(f"download {path!r} is not a path relative to the report; give one such as tables/funnel.csv")
    return quote(path)
