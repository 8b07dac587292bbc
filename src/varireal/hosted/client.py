"""What all requests to one server share: few at once, tried again, counted, stopped cleanly; questions to a chat."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import openai
import tenacity
from aiolimiter import AsyncLimiter

from varireal.config.hosted import Server, is_local
from varireal.errors import BackendError
from varireal.hosted import address, failures
from varireal.hosted.book import AnswerBook, request_digest
from varireal.hosted.dialect import Dialect
from varireal.hosted.failures import ServerError
from varireal.hosted.money import Meter, Spent
from varireal.hosted.problems import Complaint, UnusableError
from varireal.hosted.replies import chat_answer, embedded, read_body
from varireal.hosted.tokens import count_tokens, request_tokens
from varireal.store.items import ItemStore

logger = logging.getLogger(__name__)

A = TypeVar("A")

_LONGEST_RETRY_AFTER = 600.0


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
    if not key and not is_local(server.base_url) and _needs_key(server):
        raise BackendError(f"the environment variable {server.key_env} is not set; it must hold the server's key")
    missing = [name for name in server.headers.values() if not os.environ.get(name)]
    if missing:
        raise BackendError(f"{place}.headers: the environment variable {missing[0]} is not set; it must hold a header")
    url = server.base_url
    wrong = address.address_problem(server)
    if wrong:
        raise BackendError(f"{place}.base_url: {wrong}")
    wrong = address.unaskable(server)
    if wrong:
        raise BackendError(f"{place}: {url} cannot be asked: {wrong}")
    headers = {header: os.environ[name].strip() for header, name in server.headers.items()}
    http = openai.DefaultAsyncHttpxClient(
        verify=address.certificates(url),
        trust_env=not address.goes_direct(url),
        event_hooks={"response": [failures.stay]},
    )
    common: dict[str, Any] = {
        **{"api_key": key or "none", "max_retries": 0},
        **{"default_headers": headers, "http_client": http},
    }
    for noisy in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # their debug messages hold whole requests
    if server.azure_api_version is not None:
        return openai.AsyncAzureOpenAI(azure_endpoint=url, api_version=server.azure_api_version, **common)
    return openai.AsyncOpenAI(base_url=url, **common)


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
        self._failures = self._unanswered = 0
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
        except ServerError as error:
            self.note(error)
            raise NoAnswerError(str(error)) from None
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
            except ServerError as error:
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

    def note(self, error: Exception) -> None:
        """Say once what the server answers to a request that it refuses for good; later ones are in the log alone."""
        self._unanswered += 1
        logger.log(logging.WARNING if self._unanswered == 1 else logging.INFO, "%s: %s", self._place, error)

    def hide(self, text: str) -> str:
        """A text without any secret of the environment."""
        return failures.without_secrets(text, self._secrets)

    @property
    def _secrets(self) -> list[str]:
        names = (self._server.key_env, *self._server.headers.values())
        return [secret for name in names if (secret := os.environ.get(name, "").strip())]

    async def body(
        self, path: str, send: Callable[[openai.AsyncOpenAI], Awaitable[Any]], read: Callable[[Any], A]
    ) -> A:
        """What is read in the server's answer to one request.

        Args:
            path: what is added to the server's address, for messages.
            send: sends the request; gives the response of HTTP.
            read: reads the body; raises UnusableError for what is no answer.

        Raises:
            ServerError: the server did not answer, or refuses, or answers with something else.
        """
        client, url = self.client, self._server.base_url.rstrip("/") + path
        try:
            async with asyncio.timeout(self._traffic.timeout_seconds):
                response = await send(client)
        except openai.APIStatusError as error:
            raise self._refused(error.response) from None
        except (openai.OpenAIError, failures.SentOnError, OSError, ValueError, EOFError, RuntimeError) as error:
            # the cause's text may hold the key
            raise failures.unreached(error, url, self._server, self._place, self.hide) from None
        kind = response.headers.get("content-type", "")
        try:
            return read(read_body(response.content, kind))
        except UnusableError as error:
            problem = error.problem
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
            problem = Complaint("an answer whose form nobody expects")
        try:  # once more, so that what is cut for a message is cut of a text without secrets
            read(read_body(self.hide(response.text).encode("utf-8", "replace"), kind.partition(";")[0]))
        except UnusableError as error:
            problem = error.problem
        except Exception:  # noqa: BLE001  (the first reading says what is wrong)
            logger.debug("%s: the answer reads otherwise without secrets", self._place)
        raise failures.refused(response, problem, self._server, self._place)

    def _refused(self, response: Any) -> ServerError:
        text = self.hide(response.text).encode("utf-8", "replace")
        body = read_body(text, response.headers.get("content-type", "").partition(";")[0])
        return failures.refused(response, failures.problem_of(body, response.status_code), self._server, self._place)

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

    def _count_failure(self, error: ServerError) -> None:
        """Stop everything when the server does not know us, or has not answered for too long."""
        self._failures += 1
        if error.fatal:
            self._broken = ServerDownError(f"{self._place}: the server refuses to answer: {error}")
        elif self._failures >= self._traffic.failures_in_a_row:
            self._broken = ServerDownError(
                f"{self._place}: the server failed {self._failures} times in a row, the last time with: "
                f"{error}; what was answered is kept, run the same command again to go on"
            )
        if self._broken is not None:
            raise self._broken from None
        logger.debug("%s: %s", self._place, error)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """What the server asks for, else an exponential wait with full jitter."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ServerError) else None
        if asked is not None:
            return min(asked, _LONGEST_RETRY_AFTER)
        return tenacity.wait_random_exponential(multiplier=0.5, max=self._traffic.longest_wait_seconds)(state)


def _passes(error: BaseException) -> bool:
    return isinstance(error, ServerError) and error.passes


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
        self._dialect = Dialect(self.book, server.base_url, place, structured)

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
        answer = self.book.answer(key)
        if answer is not None:
            return answer

        async def exchange() -> dict[str, Any]:
            answer = await self._exchange(request)
            self.meter.pay(answer["paid"])
            await self.book.keep(key, answer)
            return answer

        def expected(spent: Spent) -> tuple[float, float]:
            """As many tokens as were answered on average so far, else all that the model may."""
            answered = round(1.5 * spent.answered / spent.calls) if spent.calls else request["max_tokens"]
            return request_tokens(request), answered

        return await self.tried(exchange, lambda: self.meter.reserve(request["model"], expected))

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send, in the strictest dialect that the server takes."""
        while True:
            self.ready()
            words = self._dialect.speak(request)
            try:
                return await self._post("/chat/completions", words, lambda body: chat_answer(body, request))
            except ServerError as error:
                if not self._dialect.give_way(error, words):
                    raise

    async def _post(self, path: str, body: Mapping[str, Any], read: Callable[[Any], A]) -> A:
        async def send(client: openai.AsyncOpenAI) -> Any:
            options: Any = {"timeout": self._traffic.timeout_seconds}
            # the body as it is, for chat.completions.create goes through it field by field, for ms; and what comes
            # back as it is, for the client's models take many replies for an answer that are none
            reply = await client.post(path, cast_to=openai.HttpxBinaryResponseContent, body=body, options=options)
            return reply.response

        return await self.body(path, send, read)

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
        if answer is not None and len(answer["vectors"]) == len(texts) and all(answer["vectors"]):
            return list(answer["vectors"])

        async def exchange() -> list[list[float]]:
            vectors, sent = await self._post("/embeddings", body, lambda reply: embedded(reply, len(texts)))
            paid = {"model": model, "sent": sum(map(count_tokens, texts)) if sent is None else sent, "answered": 0}
            self.meter.pay(paid)
            await self.book.keep(key, {"vectors": vectors, "paid": paid})
            return vectors

        return await self.tried(exchange, lambda: (0.0, 0.0))
