"""What edits of pictures cost: by the piece, or by the tokens that the server tells. Light: no client."""

from collections.abc import Mapping
from dataclasses import dataclass

from varireal.asking.meter import Meter, Spent, price_of
from varireal.config.asking import Price
from varireal.config.instruct import HostedEdits, PictureServer
from varireal.errors import BackendError

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
