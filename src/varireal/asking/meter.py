"""What asking costs: counted tokens before, the server's own figures after, and the budget between them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from varireal.asking.images import image_tokens
from varireal.asking.keeping import amounts_of
from varireal.asking.tokens import count_tokens
from varireal.config.asking import Budget, Price
from varireal.errors import VariRealError
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
