"""What all requests to one server share: few at once, tried again, counted, stopped cleanly; and questions to a chat.

A chat is asked in the strictest dialect that its server takes. What a server takes is learnt from its refusals and
remembered beside the answers.
"""

import asyncio
import email.utils
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import openai
import tenacity
from aiolimiter import AsyncLimiter
from openai.types.chat import ChatCompletion

from varireal.config.hosted import Server
from varireal.core.seeds import digest
from varireal.errors import BackendError
from varireal.hosted.book import AnswerBook, request_digest
from varireal.hosted.money import Meter, Spent
from varireal.hosted.replies import chat_answer
from varireal.hosted.tokens import count_tokens, request_tokens
from varireal.store.items import ItemStore

A = TypeVar("A")

_LONGEST_RETRY_AFTER = 600.0
_LOCAL = ("http://localhost", "http://127.", "http://[::1]")
# Worth another try: no answer, too busy, or an answer that is none. Everything else fails again in the same way.
_PASSING = (openai.APIConnectionError, openai.InternalServerError, openai.APIResponseValidationError)
_FAILURES = (openai.OpenAIError, json.JSONDecodeError, TimeoutError)
_FORMS = ("json_schema", "json_object", "text")
# Settings that some models refuse; a request is as good without them, or can be answered in words where there are no
# probabilities.
_OPTIONAL = ("temperature", "seed", "logprobs")
_FEW_LOGPROBS = 5  # what servers give that do not give 20
# Errors by which a server may say that it does not take a request in this dialect.
_REFUSALS = (
    openai.BadRequestError,
    openai.PermissionDeniedError,  # "you are not allowed to request logprobs from this model"
    openai.UnprocessableEntityError,
    openai.InternalServerError,
)


class NoMoreAskingError(Exception):
    """Asking was stopped by a signal before this request was sent, or sent again."""


class NoAnswerError(Exception):
    """A request failed after all its tries, or the server refused it as it is."""


class ServerDownError(BackendError):
    """The server does not answer, or does not know us."""


def make_client(server: Server, place: str) -> openai.AsyncOpenAI:
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
        server: the server, its traffic, prices and budget.
        store: item store of the job, where answers are kept with what they cost.
        place: of the server in the config, for messages.
        grace: seconds that answers under way are waited for when a scheduler's signal comes.

    Attributes:
        book: the answers.
        meter: what is spent.
        stopped: set by a signal; no further request is sent.
        under_way: tasks whose request is sent and whose answer is not kept yet.
        asked: requests that were answered.
    """

    def __init__(self, server: Server, store: ItemStore, place: str, *, grace: float) -> None:
        self._server, self._traffic, self._place = server, server.traffic, place
        self.book, self.meter = AnswerBook(store), Meter(server, place, store)
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
            raise NoAnswerError(self.explain(error)) from None  # the cause's text may hold the key
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
                self.meter.release(reserved)
            self._failures = 0
            self.asked += 1
            return answer

    async def close(self) -> None:
        """Write what waits, and close the connections."""
        self.book.flush()
        if self._opened is not None:
            await self._opened.close()

    def explain(self, error: BaseException) -> str:
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
            self._broken = ServerDownError(f"{self._server.base_url} refuses to answer: {self.explain(error)}")
        elif self._failures >= self._traffic.failures_in_a_row:
            self._broken = ServerDownError(
                f"{self._server.base_url} failed {self._failures} times in a row, the last time with "
                f"{self.explain(error)}; what was answered is kept, run the same command again to go on"
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


class Dialect:
    """Turns a request into the words of one server.

    A request names what is wanted: ``response_format`` as a JSON schema, ``max_tokens``, ``temperature``, ``seed``,
    ``logprobs``. Servers differ in what they take; a refusal makes the dialect simpler, for this server and model,
    once and for all.

    Args:
        book: where it is remembered.
        url: address of the server.
        structured: form of structured answers, ``auto`` for the strictest that the server takes.
    """

    def __init__(self, book: AnswerBook, url: str, structured: str = "auto") -> None:
        self._book = book
        self._url = url
        self._fixed = None if structured == "auto" else structured
        self._known: dict[str, dict[str, Any]] = {}

    def speak(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request as this server takes it."""
        facts = self._facts(body["model"])
        spoken = {key: value for key, value in body.items() if value is not None and key not in facts["without"]}
        if facts["form"] == "text":
            spoken.pop("response_format", None)
        elif facts["form"] == "json_object" and "response_format" in spoken:
            spoken["response_format"] = {"type": "json_object"}
        if facts["new_limit"]:
            spoken["max_completion_tokens"] = spoken.pop("max_tokens")
        if "logprobs" not in spoken:
            spoken.pop("top_logprobs", None)
        elif facts.get("few_logprobs"):
            spoken["top_logprobs"] = min(spoken["top_logprobs"], _FEW_LOGPROBS)
        return spoken

    def give_way(self, error: openai.APIStatusError, spoken: Mapping[str, Any]) -> bool:
        """Learn from a refusal; False when it is about nothing that can be left out."""
        text = str(error).lower()
        facts = dict(self._facts(spoken["model"]))
        if isinstance(error, openai.InternalServerError) and not _about_form(text):
            return False  # a failure that passes, not a refusal
        if _form(spoken) not in (facts["form"], "text") or ("max_tokens" in spoken and facts["new_limit"]):
            return True  # another request has learnt it meanwhile
        if "max_completion_tokens" in text and "max_tokens" in spoken:
            facts["new_limit"] = True
        elif "top_logprobs" in text and spoken.get("top_logprobs", 0) > _FEW_LOGPROBS:
            facts["few_logprobs"] = True
        elif named := [name for name in _OPTIONAL if name in text and name in spoken]:
            facts["without"] = [*facts["without"], *named]
        elif self._fixed is None and "response_format" in spoken and _about_form(text):
            facts["form"] = _FORMS[_FORMS.index(facts["form"]) + 1]
        else:
            return False
        self._known[spoken["model"]] = facts
        self._book.set(self._key(spoken["model"]), facts)
        return True

    def _facts(self, model: str) -> dict[str, Any]:
        if model not in self._known:
            fresh = {"form": self._fixed or _FORMS[0], "new_limit": False, "without": []}
            self._known[model] = fresh if self._fixed else self._book.get(self._key(model)) or fresh
        return self._known[model]

    def _key(self, model: str) -> str:
        return digest("dialect", self._url, model)


def _form(spoken: Mapping[str, Any]) -> str:
    return str(spoken["response_format"]["type"]) if "response_format" in spoken else "text"


def _about_form(text: str) -> bool:
    return any(word in text for word in ("response_format", "json_schema", "json_object", "schema", "grammar"))


class Asker(Sender):
    """Asks a server; every answer is kept under the digest of its request, and no request is answered twice.

    Args:
        server: see ``Sender``.
        store: see ``Sender``.
        place: see ``Sender``.
        grace: see ``Sender``.
        structured: form of structured answers; see ``Dialect``.
    """

    def __init__(
        self, server: Server, store: ItemStore, place: str, *, grace: float, structured: str = "auto"
    ) -> None:
        super().__init__(server, store, place, grace=grace)
        self._dialect = Dialect(self.book, server.base_url, structured)

    async def ask(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request: content, finish_reason, refusal, and what was paid; logprobs where asked for.

        Raises:
            NoAnswerError: this request failed for good.
            ServerDownError: no request can succeed.
            BudgetReachedError: it could pass the budget.
            NoMoreAskingError: asking was stopped.
        """
        request = dict(body)
        key = request_digest(request)
        answer = self.book.get(key)
        if answer is not None:
            return answer

        async def exchange() -> dict[str, Any]:
            answer = chat_answer(await self._exchange(request), request)
            self.meter.pay(answer["paid"])
            await self.book.keep(key, answer)
            return answer

        def expected(spent: Spent) -> tuple[float, float]:
            """As many tokens as were answered on average so far, else all that the model may."""
            answered = round(1.5 * spent.answered / spent.calls) if spent.calls else request["max_tokens"]
            return request_tokens(request), answered

        return await self.tried(exchange, lambda: self.meter.reserve(request["model"], expected))

    async def _exchange(self, body: dict[str, Any]) -> Any:
        """Send, in the strictest dialect that the server takes."""
        while True:
            self.ready()
            spoken = self._dialect.speak(body)
            try:
                async with asyncio.timeout(self._traffic.timeout_seconds):
                    return await self.client.post(
                        "/chat/completions",
                        cast_to=ChatCompletion,
                        body=spoken,  # as it is; chat.completions.create would go through it field by field, for ms
                        options={"timeout": self._traffic.timeout_seconds},
                    )
            except _REFUSALS as error:
                if not self._dialect.give_way(error, spoken):
                    raise

    async def embed(self, texts: list[str], model: str) -> list[list[float]]:
        """Embeddings of texts; kept as answers are.

        Raises:
            NoAnswerError: this request failed for good.
            ServerDownError: no request can succeed.
            NoMoreAskingError: asking was stopped.
        """
        body: dict[str, Any] = {"model": model, "input": texts}
        key = request_digest(body)
        answer = self.book.get(key)
        if answer is not None:
            return list(answer["vectors"])

        async def exchange() -> list[list[float]]:
            reply = await self.client.embeddings.create(**body, timeout=self._traffic.timeout_seconds)
            sent = reply.usage.total_tokens if reply.usage else sum(map(count_tokens, texts))
            vectors = [item.embedding for item in reply.data]
            paid = {"model": model, "sent": sent, "answered": 0}
            self.meter.pay(paid)
            await self.book.keep(key, {"vectors": vectors, "paid": paid})
            return vectors

        return await self.tried(exchange, lambda: (0.0, 0.0))
