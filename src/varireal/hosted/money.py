"""What hosted models cost: the price of what was answered, the budget of a server, the guard of every budget in money.

The cost of an answer is kept in the same transaction as the answer, as amounts of the item store: ``calls:MODEL``,
``sent:MODEL`` and ``answered:MODEL``. So the stores of a study say what its jobs have spent, also when they were
killed. Light, for ``varireal status`` uses it: no client, no pydantic.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from varireal.core.paths import read_slice_json
from varireal.core.registry import CAPABILITIES
from varireal.core.stages import STAGES
from varireal.errors import BackendError, VariRealError
from varireal.running import job_record
from varireal.store.items import ItemStore

if TYPE_CHECKING:
    from varireal.config.edits import HostedEdits, PictureServer
    from varireal.config.hosted import Server

_MILLION = 1_000_000
_COUNTED = ("calls", "sent", "answered")
# Tokens of a picture by quality: (square, oblong), and of a photo that is sent, in low and high fidelity. OpenAI's
# guide to image generation has them for gpt-image-1; for other models and servers they are a first guess only, which
# the answers replace.
_ANSWERED = {"low": (272, 408), "medium": (1056, 1584), "high": (4160, 6240)}
_SENT, _SENT_FAITHFULLY = 500, 6_800
_MARGIN = 1.1
_PASSES = {
    "tokens": "the next request may pass {most:,} tokens ({spent:,} {counted})",
    "usd": "the next request may pass ${most:g} (${spent:.4f} {counted})",
}


class BudgetReachedError(VariRealError):
    """The next request could pass the budget; what was asked is kept, a higher budget goes on from here."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls and tokens of one model.

    Attributes:
        calls: answers.
        sent: tokens of the requests.
        answered: tokens of the answers.
    """

    calls: int = 0
    sent: float = 0
    answered: float = 0

    @property
    def tokens(self) -> float:
        """All tokens."""
        return self.sent + self.answered


def amounts_of(paid: Mapping[str, Any]) -> dict[str, int]:
    """The receipt of an answer (model, tokens sent and answered) as amounts of an item store."""
    counts = {"calls": 1, "sent": paid["sent"], "answered": paid["answered"]}
    return {f"{what}:{paid['model']}": counts[what] for what in _COUNTED}


def spent_by_model(amounts: Mapping[str, float]) -> dict[str, Spent]:
    """The amounts of an item store or a job's record, by model; other amounts, such as seconds, are left out."""
    models = [name.partition(":")[2] for name in amounts if name.startswith("calls:")]
    return {model: Spent(*(int(amounts.get(f"{what}:{model}", 0)) for what in _COUNTED)) for model in models}


def spent_text(amounts: Mapping[str, float], usd: float | None) -> str:
    """Amounts of all models for people, such as ``34 calls, 120,300 tokens, $0.14``; empty when none was asked.

    Args:
        amounts: of an item store or a job's record.
        usd: what they cost; None when a model has no price.
    """
    models = spent_by_model(amounts).values()
    calls, tokens = sum(spent.calls for spent in models), sum(spent.tokens for spent in models)
    if not calls:
        return ""
    money = "price unknown" if usd is None else f"${usd:.2f}"
    return f"{calls:,} call{'' if calls == 1 else 's'}, {tokens:,.0f} tokens, {money}"


@dataclass(frozen=True, slots=True)
class PriceList:
    """What the models of a server cost.

    Attributes:
        by_model: US dollars per million tokens, sent and answered.
        by_piece: whether the server makes pictures, which may cost by the piece where it counts no tokens.
        piece: US dollars of a picture; None when the config has no such price.
    """

    by_model: Mapping[str, tuple[float, float]]
    by_piece: bool = False
    piece: float | None = None

    @classmethod
    def of(cls, server: "Server | Mapping[str, Any]") -> "PriceList":
        """The prices of a server's block in the config, or of the same block as JSON."""
        block = server if isinstance(server, Mapping) else server.model_dump()
        prices = {model: (price["input"], price["output"]) for model, price in block.get("prices", {}).items()}
        return cls(prices, "usd_per_image" in block, block.get("usd_per_image"))

    def usd(self, model: str, spent: Spent) -> float | None:
        """US dollars: by tokens where the model has a price, else by the piece; None when there is no price."""
        if model in self.by_model and (spent.tokens or not self.by_piece):
            sent, answered = self.by_model[model]
            return (spent.sent * sent + spent.answered * answered) / _MILLION
        return None if self.piece is None else spent.calls * self.piece

    def total(self, spent: Iterable[tuple[str, Spent]]) -> float | None:
        """US dollars of several models; None when one of them has no price."""
        parts = [self.usd(model, amounts) for model, amounts in spent]
        return None if None in parts else float(sum(part for part in parts if part is not None))


# stage: (slice, the server's place in it)
_SERVERS = {"prompts-ask": ("server", "server"), "edits": ("machine", "editing"), "verdicts": ("machine", "judging")}


@dataclass(frozen=True)
class Prices:
    """Prices of a study's servers.

    Attributes:
        servers: by stage, the server's block as JSON.
    """

    servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_study(cls, root: Path) -> "Prices":
        """From the slices in ``config/``."""
        slices = {name: read_slice_json(root, name) for name in {name for name, _ in _SERVERS.values()}}
        return cls({stage: slices[name].get(block, {}) for stage, (name, block) in _SERVERS.items()})

    def usd(self, stage: str, amounts: Mapping[str, float]) -> float | None:
        """US dollars of what a stage has spent; None when a model without a price was used."""
        return PriceList.of(self.servers.get(stage, {})).total(spent_by_model(amounts).items())


def prices_place(root: Path, stage: str) -> str:
    """Where the config has the prices of a stage's server; the stage's slice tells which backend is chosen."""
    if stage not in STAGES:
        return "prompts.openai.server.prices"
    row = CAPABILITIES[STAGES[stage].capability]
    chosen = read_slice_json(root, stage).get(row.block, {}).get(row.key.partition(".")[2])
    hosted = [name for name, backend in row.backends.items() if backend.hosted]
    return f"{row.block}.{chosen if chosen in hosted else hosted[0]}.server.prices"


def check_limit(
    place: str,
    most: float | None,
    spent: float,
    more: float,
    *,
    error: type[VariRealError],
    end: str,
    counted: str = "spent",
) -> None:
    """The guard of every budget in money or tokens: of a server's (``*.server.budget``) and the study's (``budget``).

    Args:
        place: of the limit in the config; its last word is ``usd`` or ``tokens``.
        most: the limit; None for no limit.
        spent: what is spent.
        more: what is under way, and what the next request may cost.
        error: what is raised.
        end: of the message: what is kept, and what to do.
        counted: what ``spent`` is, for the message.

    Raises:
        VariRealError: the next request could pass the limit.
    """
    if most is not None and spent + more > most:
        passes = _PASSES[place.rpartition(".")[2]].format(most=most, spent=spent, counted=counted)
        raise error(f"{place}: {passes}; {end}")


class Meter:
    """Adds up what a job and the other jobs of its stage have spent, and refuses what would pass the server's budget.

    Each job keeps its answers in a store of its own. Jobs that run at the same time see one another's spending
    whenever they look, so together they can pass the budget by what they spend between two looks.

    Args:
        server: prices and budget.
        place: of the server in the config, for messages.
        store: the job's own; those beside it whose names start with the same word are the other jobs'.
    """

    def __init__(self, server: "Server", place: str, store: ItemStore) -> None:
        self._budget, self._place, self._path = server.budget, place, store.path
        self.prices = PriceList.of(server)
        self._mine = Counter(store.spent)
        self._others: dict[Path, Mapping[str, float]] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        self._reserved_tokens = self._reserved_usd = 0.0
        job_record.say_spending(self.words)

    def words(self) -> str:
        """What this job has spent in all its attempts, for people; empty when nothing."""
        return spent_text(self._mine, self.prices.total(spent_by_model(self._mine).items()))

    @property
    def limited(self) -> bool:
        """Whether the server has a budget."""
        return self._budget.usd is not None or self._budget.tokens is not None

    def look(self) -> None:
        """Read what the other jobs have spent; nothing when there is no budget."""
        if not self.limited:
            return
        word = self._path.stem.partition("-")[0]
        for path in sorted(self._path.parent.glob(f"{word}-*.sqlite")):
            stat = path.stat()
            state = (stat.st_size, stat.st_mtime_ns)
            if path == self._path or self._seen.get(path) == state:
                continue
            stored = job_record.read_store(path)
            if stored is not None and not stored.problem:  # else another job has it locked: at the next look
                self._seen[path], self._others[path] = state, stored.spent

    def pay(self, paid: Mapping[str, Any]) -> None:
        """Count an answer that came just now."""
        self._mine.update(amounts_of(paid))
        job_record.pay(amounts_of(paid))

    @property
    def spent(self) -> dict[str, Spent]:
        """Calls and tokens by model."""
        amounts = Counter(self._mine)
        for others in self._others.values():
            amounts.update(others)
        return spent_by_model(amounts)

    @property
    def tokens(self) -> float:
        """All tokens."""
        return sum(spent.tokens for spent in self.spent.values())

    @property
    def usd(self) -> float | None:
        """US dollars; None when a model without a price was used."""
        return self.prices.total(self.spent.items())

    def reserve(self, model: str, expected: Callable[[Spent], tuple[float, float]]) -> tuple[float, float]:
        """Set aside what a request may cost, in tokens and US dollars; to be given to ``release`` when it has ended.

        Args:
            model: which model is asked.
            expected: tokens that the request may send and get, from what the model has taken so far; not called when
                nothing can be refused, because it may have to count them.

        Raises:
            BudgetReachedError: it would pass the server's budget.
            BudgetSpentError: it would pass the study's.
            BackendError: the server does not say what the budget needs to know.
        """
        if not self.limited and not job_record.usd_limited():
            return 0.0, 0.0
        spent = self.spent.get(model, Spent())
        if self.prices.by_piece and spent.calls and not spent.tokens:
            self._check_without_tokens()
        request = Spent(1, *expected(spent))
        tokens, usd = request.tokens, self.prices.usd(model, request) or 0.0
        self._check(tokens, usd)
        job_record.permit(self._reserved_usd + usd)
        self._reserved_tokens += tokens
        self._reserved_usd += usd
        return tokens, usd

    def release(self, reserved: tuple[float, float]) -> None:
        """Give back what was set aside."""
        self._reserved_tokens -= reserved[0]
        self._reserved_usd -= reserved[1]

    def _check(self, tokens: float, usd: float) -> None:
        end = "what was answered is kept; raise it and run the same command again to go on"
        for word, most, spent, more in (
            ("tokens", self._budget.tokens, self.tokens, self._reserved_tokens + tokens),
            ("usd", self._budget.usd, self.usd or 0.0, self._reserved_usd + usd),
        ):
            check_limit(f"{self._place}.budget.{word}", most, spent, more, error=BudgetReachedError, end=end)

    def _check_without_tokens(self) -> None:
        cure = "this server tells no tokens{}; set usd_per_image and budget.usd instead"
        if self._budget.tokens is not None:
            raise BackendError(f"{self._place}.budget.tokens: {cure.format('')}")
        if self._budget.usd is not None and self.prices.piece is None:
            raise BackendError(f"{self._place}.prices: {cure.format(' to multiply them with')}")


def expected_tokens(settings: "HostedEdits", spent: Spent | None = None) -> tuple[float, float]:
    """Tokens that one edit sends and gets.

    Args:
        settings: the block ``edits.openai_images``.
        spent: what edits have taken so far: the average of it, and a little more. Without any, as published for
            gpt-image-1.
    """
    if spent is not None and spent.calls:
        return _MARGIN * spent.sent / spent.calls, _MARGIN * spent.answered / spent.calls
    width, _, height = settings.size.partition("x")
    square, oblong = _ANSWERED.get(settings.quality or "", _ANSWERED["high"])
    return (_SENT_FAITHFULLY if settings.fidelity == "high" else _SENT), (square if width == height else oblong)


def expected_usd(settings: "HostedEdits", edits: int, server: "PictureServer | None" = None) -> float | None:
    """US dollars that it takes to make so many edits, each once; a later round comes on top.

    Args:
        settings: the block ``edits.openai_images``.
        edits: candidates that are not made yet.
        server: the prices; None for the block's own.

    Returns:
        None when the config has no price.
    """
    each = PriceList.of(server or settings.server).usd(settings.model, Spent(1, *expected_tokens(settings)))
    return None if each is None else edits * each
