"""Edits of pictures by an OpenAI-compatible server: sent as forms, kept as they came, paid once."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
from openai.types import ImagesResponse

from varireal.config.edits import HostedEdits, PictureServer
from varireal.core.seeds import digest
from varireal.hosted.book import AnswerBook
from varireal.hosted.client import Sender
from varireal.hosted.money import PictureMeter
from varireal.store.items import ItemStore

# Bytes of the largest value of an item store that can tell of spending; pictures are larger, and are not read.
LARGEST_RECEIPT = 300
# Models that always answer with the picture itself and refuse to be asked for it.
_ALWAYS_ENCODED = ("gpt-image", "chatgpt-image")
# moderation_blocked, content_policy_violation, content_filter, contentFilter, "rejected by the safety system"
_REFUSED = re.compile(r"moderation|content[_ ]?(policy|filter|safety)|safety system", re.I)
_PARAMETER = "response_format"


class NoPictureError(Exception):
    """The server answered, but not with a picture."""


class RefusedError(Exception):
    """The server's content policy forbids this edit."""


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One edit to ask for.

    Attributes:
        key: digest of everything that the answer depends on, the candidate's seed included: the endpoint has none, and
            another attempt must be another request.
        text: the instruction.
        image: PNG of the photo.
        mask: PNG whose transparent pixels may change; None to send none.
        size: size that is asked for.
    """

    key: str
    text: str
    image: bytes
    mask: bytes | None
    size: str


class PictureAsker(Sender):
    """Asks for edits; every picture is kept under its request's key before anybody sees it.

    Args:
        settings: model and what is asked of it.
        server: where it is.
        store: where pictures are kept.
        meter: what is spent.
        place: of the server in the config, for messages.
        grace: see ``Sender``.
    """

    def __init__(
        self,
        settings: HostedEdits,
        server: PictureServer,
        store: ItemStore,
        meter: PictureMeter,
        place: str,
        *,
        grace: float,
    ) -> None:
        super().__init__(server, meter, place, grace)
        self._settings, self._store, self._pictures = settings, store, meter
        self._book = AnswerBook(store)
        self._dialect = digest("picture dialect", server.base_url, settings.model)
        known = self._book.get(self._dialect)
        self._names_form = not settings.model.startswith(_ALWAYS_ENCODED) if known is None else bool(known[_PARAMETER])

    def receipts(self) -> Iterator[dict[str, Any]]:
        """What every answer that this job's store tells of has cost."""
        for value in self._store.values(LARGEST_RECEIPT):
            try:
                found = json.loads(value)
            except ValueError:  # an item of the stage
                continue
            if isinstance(found, dict) and "paid" in found:
                yield found["paid"]

    async def picture(self, request: PictureRequest) -> bytes:
        """The bytes of the picture that answers a request.

        Raises:
            NoPictureError: the answer holds none.
            RefusedError: the content policy forbids it.
            NoAnswerError: this request failed for good.
            ServerDownError: no request can succeed.
            BudgetReachedError: it could pass the budget.
            NoMoreAskingError: asking was stopped.
        """
        kept = self._book.get(request.key)
        if kept is not None and kept.get("picture"):
            return base64.b64decode(kept["picture"])

        async def exchange() -> bytes | RefusedError | NoPictureError:
            try:
                reply = await self._exchange(request)
                self._meter.pay(_paid(self._settings.model, reply))
                return await self._kept(request.key, reply)
            except NoPictureError as error:  # an answer as well
                return error
            except openai.APIStatusError as error:
                if error.status_code < 500 and _REFUSED.search(f"{error.code} {error}"):
                    return RefusedError(self.told(error))
                raise

        answer = await self.tried(exchange, lambda: self._pictures.reserve_picture(self._settings))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def spoil(self, key: str) -> None:
        """Note that a kept picture is of no use, so that it is asked for again another time."""
        self._book.set(key, {"picture": None})

    async def close(self) -> None:
        """Write what waits, and close the connections."""
        self._book.flush()
        await super().close()

    async def _kept(self, key: str, reply: ImagesResponse) -> bytes:
        """Keep the answer and its receipt in one transaction."""
        first = reply.data[0] if reply.data else None
        encoded = first.b64_json if first is not None else None
        receipt = self._book.keep(self._receipt_key(key), {"paid": _paid(self._settings.model, reply)})
        if not encoded:
            await receipt
            told = "an address instead of a picture; nothing is fetched from there" if first else "no picture"
            raise NoPictureError(f"the server answered with {told}")
        await asyncio.gather(self._book.keep(key, {"picture": encoded}), receipt)
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            self.spoil(key)
            raise NoPictureError("the server's answer is no base64") from error

    def _receipt_key(self, key: str) -> str:
        """A free key: a request whose answer was of no use is paid for again."""
        number = 0
        while self._book.get(found := digest("receipt", key, number)) is not None:
            number += 1
        return found

    async def _exchange(self, request: PictureRequest) -> ImagesResponse:
        while True:
            self.ready()
            fields = self._fields(request)
            try:
                async with asyncio.timeout(self._traffic.timeout_seconds):
                    reply: Any = await self.client.images.edit(**fields, timeout=self._traffic.timeout_seconds)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if _PARAMETER not in fields or _PARAMETER not in str(error):
                    raise
                self._names_form = False
                self._book.set(self._dialect, {_PARAMETER: False})
                continue
            if not isinstance(reply, ImagesResponse):  # a page of a proxy
                raise json.JSONDecodeError("the answer is no JSON", str(reply)[:80], 0)
            return reply

    def _fields(self, request: PictureRequest) -> dict[str, Any]:
        settings = self._settings
        wanted: dict[str, Any] = {
            "model": settings.model,
            "prompt": request.text,
            "image": ("photo.png", request.image, "image/png"),
            "mask": None if request.mask is None else ("mask.png", request.mask, "image/png"),
            "size": request.size,
            "quality": settings.quality,
            "input_fidelity": settings.fidelity,
            "n": 1,
            _PARAMETER: "b64_json" if self._names_form else None,
        }
        return {name: value for name, value in wanted.items() if value is not None}


def _paid(model: str, reply: ImagesResponse) -> dict[str, Any]:
    usage = reply.usage
    sent, answered = (getattr(usage, name, None) or 0 for name in ("input_tokens", "output_tokens"))
    return {"model": model, "sent": sent, "answered": answered}
