"""What all requests to one server share: few at once, tried again, counted, stopped cleanly. Not what they ask."""

import asyncio
import email.utils
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import openai
import tenacity
from aiolimiter import AsyncLimiter

from varireal.asking.meter import Meter
from varireal.config.asking import Server
from varireal.errors import BackendError

A = TypeVar("A")

_LONGEST_RETRY_AFTER = 600.0
_LOCAL = ("http://localhost", "http://127.", "http://[::1]")
# Worth another try: no answer, too busy, or an answer that is none. Everything else fails again in the same way.
_PASSING = (openai.APIConnectionError, openai.InternalServerError, openai.APIResponseValidationError)
_FAILURES = (openai.OpenAIError, json.JSONDecodeError, TimeoutError)


class NoMoreAskingError(Exception):
    """Asking was stopped by a signal before this request was sent, or sent again."""


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


class Sender:
    """Sends requests to a server.

    Args:
        server: the server and its traffic.
        meter: what is spent.
        place: of the server in the config, for messages.
        grace: seconds that answers under way are waited for when a scheduler's signal comes.

    Attributes:
        stopped: set by a signal; no further request is sent.
        under_way: tasks whose request is sent and whose answer is not kept yet.
        asked: requests that were answered.
    """

    def __init__(self, server: Server, meter: Meter, place: str, grace: float) -> None:
        self._server, self._traffic, self._meter, self._place = server, server.traffic, meter, place
        self._opened: openai.AsyncOpenAI | None = None
        self._gate = asyncio.Semaphore(self._traffic.concurrency)
        rate = self._traffic.requests_per_minute
        self._limiter = None if rate is None else AsyncLimiter(max(1.0, rate / 60), max(1.0, 60 / rate))
        self._failures = 0
        self._broken: BackendError | None = None
        self.grace = grace
        self.stopped = False
        self.under_way: set[asyncio.Task[Any] | None] = set()
        self.asked = 0

    @property
    def client(self) -> openai.AsyncOpenAI:
        """The client, made when it is first needed.

        Raises:
            BackendError: the environment lacks its key or a header.
        """
        if self._opened is None:
            self._opened = make_client(self._server, self._place)
        return self._opened

    async def tried(self, exchange: Callable[[], Awaitable[A]], reserve: Callable[[], tuple[float, float]]) -> A:
        """What ``exchange`` gives, after as many tries as the traffic allows.

        Args:
            exchange: one try: sends, counts what the answer cost, and keeps it.
            reserve: sets aside what a try may cost; it is given back when the try has ended.

        Raises:
            NoAnswerError: this request failed for good.
            ServerDownError: no request can succeed.
            BudgetReachedError: it could pass the budget.
            NoMoreAskingError: asking was stopped.
        """
        retrying = tenacity.AsyncRetrying(
            sleep=self._pause,
            stop=tenacity.stop_after_attempt(self._traffic.tries),
            wait=self._wait,
            retry=tenacity.retry_if_exception(_passes),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._once(exchange, reserve)
        except _FAILURES as error:
            raise NoAnswerError(self.told(error)) from None  # the cause's text may hold the key
        raise NoAnswerError("no try was made")

    async def _once(self, exchange: Callable[[], Awaitable[A]], reserve: Callable[[], tuple[float, float]]) -> A:
        """One try: the place in the queue is held for the request alone, not for the wait after a failure."""
        self.ready()
        async with self._gate:
            if self._limiter is not None:
                await self._limiter.acquire()
            self.ready()
            reserved, task = reserve(), asyncio.current_task()
            self.under_way.add(task)
            try:
                answer = await exchange()
            except _FAILURES as error:
                self._count_failure(error)
                raise
            finally:
                self.under_way.discard(task)
                self._meter.release(reserved)
            self._failures = 0
            self.asked += 1
            return answer

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()

    def told(self, error: BaseException) -> str:
        """One line about an error, without any secret of the environment."""
        text = " ".join(str(error).split()) or type(error).__name__
        for name in (self._server.key_env, *self._server.headers.values()):
            secret = os.environ.get(name, "").strip()
            text = text.replace(secret, "***") if secret else text
        return f"{type(error).__name__}: {text[:300]}"

    def ready(self) -> None:
        """Call it before anything is sent, and before anything waits to be sent.

        Raises:
            ServerDownError: no request can succeed.
            NoMoreAskingError: asking was stopped.
        """
        if self._broken is not None:
            raise self._broken
        if self.stopped:
            raise NoMoreAskingError

    async def _pause(self, seconds: float) -> None:
        """The wait before another try."""
        self.ready()
        await asyncio.sleep(seconds)

    def _count_failure(self, error: Exception) -> None:
        """Stop everything when the server does not know us, or has not answered for too long."""
        self._failures += 1
        fatal = isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError | openai.NotFoundError)
        unpaid = isinstance(error, openai.RateLimitError) and error.code == "insufficient_quota"
        if fatal or unpaid:
            self._broken = ServerDownError(f"{self._server.base_url} refuses to answer: {self.told(error)}")
        elif self._failures >= self._traffic.failures_in_a_row:
            self._broken = ServerDownError(
                f"{self._server.base_url} failed {self._failures} times in a row, the last time with "
                f"{self.told(error)}; what was answered is kept, run the same command again to go on"
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
