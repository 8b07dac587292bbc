"""Edits of pictures by an OpenAI-compatible server: sent as forms, kept as they came, paid once."""

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Any

import openai
from openai.types import ImagesResponse

from varireal.config.edits import HostedEdits, PictureServer
from varireal.core.seeds import digest
from varireal.hosted.client import Sender
from varireal.hosted.money import expected_tokens
from varireal.hosted.replies import NoPictureError, encoded_picture, is_policy, picture_bytes, picture_receipt
from varireal.store.items import ItemStore

# Models that always answer with the picture itself and refuse to be asked for it.
_ALWAYS_ENCODED = ("gpt-image", "chatgpt-image")
_PARAMETER = "response_format"


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
        server: see ``Sender``.
        store: see ``Sender``.
        place: see ``Sender``.
        grace: see ``Sender``.
    """

    def __init__(
        self, settings: HostedEdits, server: PictureServer, store: ItemStore, place: str, *, grace: float
    ) -> None:
        super().__init__(server, store, place, grace=grace)
        self._settings = settings
        self._dialect = digest("picture dialect", server.base_url, settings.model)
        known = self.book.get(self._dialect)
        self._names_form = not settings.model.startswith(_ALWAYS_ENCODED) if known is None else bool(known[_PARAMETER])

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
        known = self.book.get(request.key)
        if known is not None and known.get("picture"):
            return base64.b64decode(known["picture"])

        async def exchange() -> bytes | RefusedError | NoPictureError:
            try:
                reply = await self._exchange(request)
                receipt = picture_receipt(reply, self._settings.model)
                self.meter.pay(receipt)
                return await self._keep(request.key, reply, receipt)
            except NoPictureError as error:  # an answer as well
                return error
            except openai.APIStatusError as error:
                if error.status_code < 500 and is_policy(f"{error.code} {error}"):
                    return RefusedError(self.explain(error))
                raise

        settings = self._settings
        answer = await self.tried(
            exchange, lambda: self.meter.reserve(settings.model, lambda spent: expected_tokens(settings, spent))
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def spoil(self, key: str) -> None:
        """Note that a kept picture is of no use, so that it is asked for again another time."""
        self.book.set(key, {"picture": None})

    async def _keep(self, key: str, reply: ImagesResponse, receipt: dict[str, Any]) -> bytes:
        """Keep the answer and its receipt in one transaction."""
        receipt_kept = self.book.keep(self._receipt_key(key), {"paid": receipt})
        try:
            encoded = encoded_picture(reply)
        except NoPictureError:
            await receipt_kept
            raise
        await asyncio.gather(self.book.keep(key, {"picture": encoded}), receipt_kept)
        try:
            return picture_bytes(encoded)
        except NoPictureError:
            self.spoil(key)
            raise

    def _receipt_key(self, key: str) -> str:
        """A free key: a request whose answer was of no use is paid for again."""
        number = 0
        while self.book.get(free := digest("receipt", key, number)) is not None:
            number += 1
        return free

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
                self.book.set(self._dialect, {_PARAMETER: False})
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
