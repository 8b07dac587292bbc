"""Requests to an OpenAI-compatible server: few at once, tried again, kept for ever, stopped cleanly."""

import asyncio
import email.utils
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

import openai
import tenacity
from aiolimiter import AsyncLimiter
from openai.types.chat import ChatCompletion

from varireal.asking.dialect import Dialect
from varireal.asking.keeping import AnswerBook, request_digest
from varireal.asking.meter import Meter
from varireal.asking.replies import kept_answer
from varireal.asking.tokens import count_tokens
from varireal.config.asking import Server
from varireal.errors import BackendError

logger = logging.getLogger(__name__)

_LONGEST_RETRY_AFTER = 600.0
_LOCAL = ("http://localhost", "http://127.", "http://[::1]")
# Worth another try: no answer, too busy, or an answer that is none. Everything else fails again in the same way.
_REFUSALS = (
    openai.BadRequestError,
    openai.PermissionDeniedError,  # "you are not allowed to request logprobs from this model"
    openai.UnprocessableEntityError,
    openai.InternalServerError,
)
_PASSING = (openai.APIConnectionError, openai.InternalServerError, openai.APIResponseValidationError)


class StoppedError(Exception):
    """Asking was stopped by a signal; what was under way has ended and is kept."""


class NoAnswerError(Exception):
    """A request failed after all its tries, or the server refused it as it is."""


class ServerDownError(BackendError):
    """The server does not answer, or does not know us."""


def make_client(server: Server, place: str = "prompts.openai.server") -> openai.AsyncOpenAI:
    """A client of the server; key and headers come from the environment alone.

    Args:
        server: where it is.
        place: of the server in the config, for messages.

    Raises:
        BackendError: a variable is not set.
    """
    key = os.environ.get(server.key_env, "").strip()
    if not key and not server.base_url.startswith(_LOCAL) and _needs_key(server):
        raise BackendError(f"the environment variable {server.key_env} is not set; it must hold the server's key")
    missing = [name for name in server.headers.values() if not os.environ.get(name)]
    if missing:
        raise BackendError(f"{place}.headers: the environment variable {missing[0]} is not set; it must hold a header")
    headers = {header: os.environ[name] for header, name in server.headers.items()}
    common: dict[str, Any] = {"api_key": key or "none", "max_retries": 0, "default_headers": headers}
    for noisy in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # their debug messages hold whole requests
    if server.azure_api_version is not None:
        return openai.AsyncAzureOpenAI(azure_endpoint=server.base_url, api_version=server.azure_api_version, **common)
    return openai.AsyncOpenAI(base_url=server.base_url, **common)


def _needs_key(server: Server) -> bool:
    return server.azure_api_version is not None or server.base_url == Server().base_url


class Asker:
    """Asks a server; every answer is kept under the digest of its request, and no request is answered twice.

    Args:
        server: the server and its traffic.
        book: where answers are kept.
        meter: what is spent.
        structured: form of structured answers; see ``Dialect``.
        place: of the server in the config, for messages.
    """

    def __init__(
        self,
        server: Server,
        book: AnswerBook,
        meter: Meter,
        *,
        structured: str = "auto",
        place: str = "prompts.openai.server",
    ) -> None:
        self._book, self._meter, self._place = book, meter, place
        self._server, self._traffic = server, server.traffic
        self._client: openai.AsyncOpenAI | None = None
        self._gate = asyncio.Semaphore(self._traffic.concurrency)
        rate = self._traffic.requests_per_minute
        self._limiter = None if rate is None else AsyncLimiter(max(1.0, rate / 60), max(1.0, 60 / rate))
        self._dialect = Dialect(book, server.base_url, structured)
        self._failures = 0
        self._broken: BackendError | None = None
        self.stopped = False
        self.asked = 0
        self._started = time.monotonic()

    async def ask(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request: content, finish_reason, refusal, and what was paid; logprobs where asked for.

        Raises:
            NoAnswerError: this request failed for good.
            ServerDownError: no request can succeed.
            BudgetReachedError: it could pass the budget.
            StoppedError: asking was stopped.
        """
        key = request_digest(dict(body))
        found = self._book.get(key)
        if found is not None:
            return found
        answer = await self._tried(dict(body))
        await self._book.keep(key, answer)
        return answer

    async def _tried(self, body: dict[str, Any]) -> dict[str, Any]:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._traffic.tries),
            wait=self._wait,
            retry=tenacity.retry_if_exception(_passes),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._send(body)
        except (openai.OpenAIError, json.JSONDecodeError, TimeoutError) as error:
            raise NoAnswerError(self._told(error)) from None  # the cause's text may hold the key
        raise NoAnswerError("no try was made")

    async def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        """One try: the place in the queue is held for the request alone, not for the wait after a failure."""
        async with self._gate:
            if self._limiter is not None:
                await self._limiter.acquire()
            self._ready()
            reserved = self._meter.reserve(body, self._expected(body))
            try:
                reply = await self._exchange(body)
            except (openai.OpenAIError, json.JSONDecodeError, TimeoutError) as error:
                self._count_failure(error)
                raise
            finally:
                self._meter.release(reserved)
            self._failures = 0
            self.asked += 1
            answer = kept_answer(reply, body)
            self._meter.add(answer["paid"])
            return answer

    async def _exchange(self, body: dict[str, Any]) -> Any:
        """Send, in the strictest dialect that the server takes."""
        if self._client is None:
            self._client = make_client(self._server, self._place)
        while True:
            spoken = self._dialect.speak(body)
            try:
                async with asyncio.timeout(self._traffic.timeout_seconds):
                    return await self._client.post(
                        "/chat/completions",
                        cast_to=ChatCompletion,
                        body=spoken,  # as it is; chat.completions.create would go through it field by field, for ms
                        options={"timeout": self._traffic.timeout_seconds},
                    )
            except _REFUSALS as error:
                if not self._dialect.give_way(error, spoken):
                    raise

    async def embed(self, texts: list[str], model: str) -> list[list[float]]:
        """Embeddings of texts; kept as answers are."""
        body: dict[str, Any] = {"model": model, "input": texts}
        key = request_digest(body)
        found = self._book.get(key)
        if found is None:
            async with self._gate:
                self._ready()
                self._client = self._client or make_client(self._server, self._place)
                try:
                    reply = await self._client.with_options(max_retries=self._traffic.tries).embeddings.create(**body)
                except openai.OpenAIError as error:
                    raise NoAnswerError(self._told(error)) from None
            sent = reply.usage.total_tokens if reply.usage else sum(map(count_tokens, texts))
            found = {
                "vectors": [item.embedding for item in reply.data],
                "paid": {"model": model, "sent": sent, "answered": 0},
            }
            self._meter.add(found["paid"])
            await self._book.keep(key, found)
        return list(found["vectors"])

    async def close(self) -> None:
        """Close the connections."""
        self._book.flush()
        if self._client is not None:
            await self._client.close()

    def _ready(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self.stopped:
            raise StoppedError

    def _expected(self, body: Mapping[str, Any]) -> int:
        """Tokens of an answer, for the budget: as many as were answered on average so far, else all that it may."""
        spent = self._meter.spent.get(body["model"])
        return body["max_tokens"] if spent is None or not spent.calls else round(1.5 * spent.answered / spent.calls)

    def _count_failure(self, error: Exception) -> None:
        """Stop everything when the server does not know us, or has not answered for too long."""
        self._failures += 1
        fatal = isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError | openai.NotFoundError)
        unpaid = isinstance(error, openai.RateLimitError) and error.code == "insufficient_quota"
        if fatal or unpaid:
            self._broken = ServerDownError(f"{self._server.base_url} refuses to answer: {self._told(error)}")
        elif self._failures >= self._traffic.failures_in_a_row:
            self._broken = ServerDownError(
                f"{self._server.base_url} failed {self._failures} times in a row, the last time with "
                f"{self._told(error)}; what was answered is kept, run the same command again to go on"
            )
        if self._broken is not None:
            raise self._broken from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """What the server asks for, else an exponential wait with full jitter."""
        error = state.outcome.exception() if state.outcome else None
        asked = _retry_after(error)
        if asked is not None:
            return min(asked, _LONGEST_RETRY_AFTER)
        return tenacity.wait_random_exponential(multiplier=0.5, max=self._traffic.longest_wait_seconds)(state)

    def _told(self, error: BaseException) -> str:
        """One line about an error, without any secret of the environment."""
        text = " ".join(str(error).split()) or type(error).__name__
        for name in (self._server.key_env, *self._server.headers.values()):
            secret = os.environ.get(name, "").strip()
            text = text.replace(secret, "***") if secret else text
        return f"{type(error).__name__}: {text[:300]}"


def _passes(error: BaseException) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, (*_PASSING, json.JSONDecodeError, TimeoutError))


def _retry_after(error: BaseException | None) -> float | None:
    """Seconds of a Retry-After header: a number, or a date."""
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        parsed = email.utils.parsedate_tz(headers["retry-after"])
        return None if parsed is None else max(0.0, email.utils.mktime_tz(parsed) - time.time())
