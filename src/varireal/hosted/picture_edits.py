"""Edits of pictures by an OpenAI-compatible server: sent as forms, kept as they came, paid once."""

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Any

import openai

from varireal.config.edits import HostedEdits, PictureServer
from varireal.core.seeds import digest
from varireal.hosted.client import Sender
from varireal.hosted.failures import ServerError
from varireal.hosted.money import expected_tokens
from varireal.hosted.replies import (
    NoPictureError,
    check_pictures,
    encoded_picture,
    is_policy,
    picture_bytes,
    picture_receipt,
)
from varireal.store.items import ItemStore

logger = logging.getLogger(__name__)

# Models that always answer with the picture itself and refuse to be asked for it.
_ALWAYS_ENCODED = ("gpt-image", "chatgpt-image")
_PARAMETER = "response_format"
# Fields that mean the same when they are left out: one picture is what is asked for without a number.
_NEEDLESS = (_PARAMETER, "n")


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
        fresh = {_PARAMETER: not settings.model.startswith(_ALWAYS_ENCODED)}
        self._takes = fresh | (self.book.get(self._dialect) or {})

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
            return picture_bytes(known["picture"])

        async def exchange() -> bytes | RefusedError | NoPictureError:
            try:
                reply = await self._exchange(request)
                receipt = picture_receipt(reply, self._settings.model)
                self.meter.pay(receipt)
                return await self._keep(request.key, reply, receipt)
            except NoPictureError as error:  # an answer as well
                return error
            except ServerError as error:
                problem = error.problem
                if (problem.status or 400) < 500 and is_policy(f"{problem.code} {problem.words}"):
                    self.note(error)
                    return RefusedError(
                        problem.first if is_policy(problem.first) else f"{problem.code}: {problem.first}"
                    )
                raise

        settings = self._settings
        answer = await self.tried(
            exchange, lambda: self.meter.reserve(settings.model, lambda spent: expected_tokens(settings, spent))
        )
        if isinstance(answer, NoPictureError):
            raise NoPictureError(self.hide(str(answer)))
        if isinstance(answer, RefusedError):
            raise answer
        return answer

    def spoil(self, key: str) -> None:
        """Note that a kept picture is of no use, so that it is asked for again another time."""
        self.book.set(key, {"picture": None})

    async def _keep(self, key: str, reply: Any, receipt: dict[str, Any]) -> bytes:
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

    async def _exchange(self, request: PictureRequest) -> Any:
        while True:
            self.ready()
            fields = self._fields(request)

            async def send(client: openai.AsyncOpenAI, fields: dict[str, Any] = fields) -> Any:
                raw = await client.images.with_raw_response.edit(**fields, timeout=self._traffic.timeout_seconds)
                return raw.http_response

            try:
                return await self.body("/images/edits", send, _looked_at)
            except ServerError as error:
                refused = [name for name in _NEEDLESS if name in fields and _is_about(error, name)]
                if not refused:
                    raise
                self._takes |= dict.fromkeys(refused, False)
                self.book.set(self._dialect, self._takes)
                logger.warning("%s: %s; %s is left out from now on", self._place, error, " and ".join(refused))

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
            _PARAMETER: "b64_json",
        }
        return {name: value for name, value in wanted.items() if value is not None and self._takes.get(name, True)}


def _looked_at(body: Any) -> Any:
    check_pictures(body)
    return body


def _is_about(error: ServerError, name: str) -> bool:
    if error.problem.status not in (400, 422):
        return False
    quoted = (
        rf"['\"`]{name}['\"`]|\bbody\.{name}\b|parameter:? {name}\b"  # the letter n alone is a word in many sentences
    )
    words = error.problem.words
    return name in error.problem.names or (name in words if len(name) > 1 else re.search(quoted, words) is not None)
