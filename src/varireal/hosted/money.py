"""What asking costs: counted tokens before, the server's own figures after, and the budget between them."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal.config.edits import HostedEdits, PictureServer
from varireal.config.hosted import Budget, Price
from varireal.errors import BackendError, VariRealError
from varireal.hosted.book import amounts_of
from varireal.hosted.tokens import count_tokens, image_tokens
from varireal.running import job_record

# Tokens that a chat adds to each message, after OpenAI's cookbook on counting them.
_PER_MESSAGE = 4
_MILLION = 1_000_000


class BudgetReachedError(VariRealError):
    """The next request could pass the budget; what was asked is kept, a higher budget goes on from here."""


@dataclass
class Spent:
    """Calls and tokens of one model.

    Attributes:
        calls: answers.
        sent: tokens of the requests.
        answered: tokens of the answers.
    """

    calls: int = 0
    sent: int = 0
    answered: int = 0


def price_of(prices: Mapping[str, Price], model: str, sent: float, answered: float) -> float | None:
    """US dollars, or None when the model has no price."""
    price = prices.get(model)
    return None if price is None else (sent * price.input + answered * price.output) / _MILLION


def request_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of a request, counted with CLIP's tokenizer, which splits somewhat finer than those of chat models."""
    return sum(_content_tokens(message["content"]) + _PER_MESSAGE for message in body["messages"])


def _content_tokens(content: str | Sequence[Mapping[str, Any]]) -> int:
    """Tokens of a message: a text, or parts that are texts and pictures."""
    if isinstance(content, str):
        return count_tokens(content)
    return sum(
        count_tokens(part["text"]) if part["type"] == "text" else image_tokens(part["image_url"]["url"])
        for part in content
    )


class Meter:
    """Adds up, and refuses what would pass the budget.

    Args:
        budget: what may be spent.
        prices: by model.
        place: of the server in the config, for messages.
    """

    def __init__(self, budget: Budget, prices: Mapping[str, Price], place: str = "prompts.openai.server") -> None:
        self._budget, self._prices, self._place = budget, prices, place
        self._limited = budget.usd is not None or budget.tokens is not None
        self.spent: dict[str, Spent] = defaultdict(Spent)
        self._reserved_tokens = 0.0
        self._reserved_usd = 0.0

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self._limited

    @property
    def refuses(self) -> bool:
        """Whether this budget or the study's can refuse a request."""
        return self._limited or job_record.usd_limited()

    def add(self, paid: Mapping[str, Any]) -> None:
        """Count an answer."""
        spent = self.spent[paid["model"]]
        spent.calls += 1
        spent.sent += paid["sent"]
        spent.answered += paid["answered"]

    def pay(self, paid: Mapping[str, Any]) -> None:
        """Count an answer that came just now."""
        self.add(paid)
        job_record.pay(amounts_of(paid))

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(spent.sent + spent.answered for spent in self.spent.values())

    @property
    def usd(self) -> float | None:
        """US dollars; None when a model without a price was used."""
        parts = [price_of(self._prices, model, s.sent, s.answered) for model, s in self.spent.items()]
        return None if None in parts else sum(part for part in parts if part is not None)

    def reserve(self, body: Mapping[str, Any], answer_tokens: int) -> tuple[float, float]:
        """Set aside what a request may cost; to be given to ``release`` when it has ended.

        Raises:
            BudgetReachedError: it would pass the budget.
            BudgetSpentError: it would pass the study's.
        """
        if not self.refuses:
            return 0.0, 0.0
        sent = request_tokens(body)
        usd = price_of(self._prices, body["model"], sent, answer_tokens) or 0.0
        return self.set_aside(float(sent + answer_tokens), usd)

    def set_aside(self, tokens: float, usd: float) -> tuple[float, float]:
        """Set aside tokens and US dollars; to be given to ``release``.

        Raises:
            BudgetReachedError: they would pass the budget.
            BudgetSpentError: they would pass the study's.
        """
        self._check(tokens, usd)
        job_record.permit(self._reserved_usd + usd)
        self._reserved_tokens += tokens
        self._reserved_usd += usd
        return tokens, usd

    def _check(self, tokens: float, usd: float) -> None:
        most, dollars = self._budget.tokens, self._budget.usd
        ends = "what was answered is kept; raise it and run the same command again to go on"
        if most is not None and self.tokens + self._reserved_tokens + tokens > most:
            raise BudgetReachedError(
                f"{self._place}.budget.tokens: the next request may pass {most:,} tokens "
                f"({self.tokens:,} spent); {ends}"
            )
        if dollars is not None and (self.usd or 0.0) + self._reserved_usd + usd > dollars:
            raise BudgetReachedError(
                f"{self._place}.budget.usd: the next request may pass ${dollars:g} "
                f"(${self.usd or 0.0:.4f} spent); {ends}"
            )

    def release(self, reserved: tuple[float, float]) -> None:
        """Give back what was set aside."""
        self._reserved_tokens -= reserved[0]
        self._reserved_usd -= reserved[1]


# One budget for the jobs of a stage, each of which keeps its answers in a store of its own.


class Ledger:
    """Adds to a job's meter what the other jobs have spent.

    Jobs that run at the same time see one another's spending whenever they look, so together they can pass the budget
    by what they spend between two looks.

    Args:
        path: the job's own store; those beside it whose names start with the same word are the others.
        meter: the job's meter, with its own spending in it.
        most: bytes of the largest value that can tell of spending; None when any can.
    """

    def __init__(self, path: Path, meter: Meter, most: int | None = None) -> None:
        self._path, self._meter, self._most = path, meter, most
        self._seen: dict[Path, tuple[int, int]] = {}
        self._rows: dict[Path, int] = {}

    def look(self) -> None:
        """Count what the others have spent since the last look; nothing when there is no budget."""
        if not self._meter.limited:
            return
        word = self._path.stem.partition("-")[0]
        for path in sorted(self._path.parent.glob(f"{word}-*.sqlite")):
            if path == self._path:
                continue
            state = path.stat()
            now = (state.st_size, state.st_mtime_ns)
            if self._seen.get(path) != now:
                self._seen[path] = now
                self._count(path)

    def _count(self, path: Path) -> None:
        for row, value in _new_values(path, self._rows.get(path, 0), self._most):
            self._rows[path] = row
            paid = value.get("paid") if isinstance(value, dict) else None
            if paid:
                self._meter.add(paid)


def _new_values(path: Path, after: int, most: int | None) -> list[tuple[int, Any]]:
    """Row number and value of what came into a store after a row; nothing while another job has it locked."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            rows = connection.execute(
                "SELECT rowid, value FROM items WHERE rowid > ?1 AND (?2 IS NULL OR length(value) <= ?2) "
                "ORDER BY rowid",
                (after, most),
            ).fetchall()
    except sqlite3.DatabaseError:
        return []
    return [(row, _read(value)) for row, value in rows]


def _read(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return None


# What edits of pictures cost: by the piece, or by the tokens that the server tells. Light: no client.

# Tokens of a picture by quality: (square, oblong), and of a photo that is sent, in low and high fidelity. OpenAI's
# guide to image generation tells them for gpt-image-1; of other models and servers they are a first guess only, which
# the answers replace.
_ANSWERED = {"low": (272, 408), "medium": (1056, 1584), "high": (4160, 6240)}
_SENT, _SENT_FAITHFULLY = 500, 6_800
_MARGIN = 1.1


@dataclass(frozen=True, slots=True)
class Planned:
    """What edits would take.

    Attributes:
        calls: requests.
        usd: US dollars; None when nothing tells a price.
    """

    calls: int
    usd: float | None


def planned_cost(settings: HostedEdits, items: int, server: PictureServer | None = None) -> Planned:
    """What it takes to edit so many items, each once; a later round comes on top.

    Args:
        settings: the block ``edits.openai_images``.
        items: candidates that are not made yet.
        server: the prices; None for the block's own.
    """
    where = server or settings.server
    return Planned(items, _times(items, _expected_usd(settings, where, where.prices, expected_tokens(settings))))


def expected_tokens(settings: HostedEdits) -> tuple[float, float]:
    """Tokens that one edit sends and gets, as published for gpt-image-1."""
    width, _, height = settings.size.partition("x")
    square, oblong = _ANSWERED.get(settings.quality or "", _ANSWERED["high"])
    return (_SENT_FAITHFULLY if settings.fidelity == "high" else _SENT), (square if width == height else oblong)


class PictureMeter(Meter):
    """Adds up pictures, by tokens where the server tells them and they have a price, else by the piece.

    Args:
        server: prices and budget.
        place: of the server in the config, for messages.
    """

    def __init__(self, server: PictureServer, place: str) -> None:
        super().__init__(server.budget, server.prices, place)
        self._server = server

    @property
    def usd(self) -> float | None:
        """US dollars; None when a model without a price was used."""
        parts = [self._of(model, spent) for model, spent in self.spent.items()]
        return None if None in parts else sum(part for part in parts if part is not None)

    def reserve_picture(self, settings: HostedEdits) -> tuple[float, float]:
        """Set aside what one edit may cost: as much as those so far on average, and a little more.

        Raises:
            BudgetReachedError: it would pass the budget.
            BackendError: the server does not tell what the budget needs to know.
        """
        if not self.refuses:
            return 0.0, 0.0
        spent = self.spent.get(settings.model)
        self._check_told(spent)
        if spent is None or not spent.calls:
            sent, answered = expected_tokens(settings)
        else:
            sent, answered = (_MARGIN * tokens / spent.calls for tokens in (spent.sent, spent.answered))
        usd = _expected_usd(settings, self._server, self._prices, (sent, answered))
        return self.set_aside(sent + answered, usd or 0.0)

    def _check_told(self, spent: Spent | None) -> None:
        if spent is None or not spent.calls or spent.sent + spent.answered:
            return
        cure = "set usd_per_image and budget.usd instead"
        if self._budget.tokens is not None:
            raise BackendError(f"{self._place}.budget.tokens: this server tells no tokens; {cure}")
        if self._budget.usd is not None and self._server.usd_per_image is None:
            raise BackendError(f"{self._place}.prices: this server tells no tokens to multiply them with; {cure}")

    def _of(self, model: str, spent: Spent) -> float | None:
        if model in self._prices and spent.sent + spent.answered:
            return price_of(self._prices, model, spent.sent, spent.answered)
        return _times(spent.calls, self._server.usd_per_image)


def _expected_usd(
    settings: HostedEdits, server: PictureServer, prices: Mapping[str, Price], tokens: tuple[float, float]
) -> float | None:
    if settings.model in prices and any(tokens):
        return price_of(prices, settings.model, *tokens)
    return server.usd_per_image


def _times(count: int, usd: float | None) -> float | None:
    return None if usd is None else count * usd
