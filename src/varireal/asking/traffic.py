"""Questions to a server that speaks chat completions: each in the strictest dialect it takes, and answered once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from varireal.asking.dialect import Dialect
from varireal.asking.keeping import AnswerBook, request_digest
from varireal.asking.meter import Meter
from varireal.asking.replies import kept_answer
from varireal.asking.sending import Sender
from varireal.asking.tokens import count_tokens
from varireal.config.asking import Server

_REFUSALS = (
    openai.BadRequestError,
    openai.PermissionDeniedError,  # "you are not allowed to request logprobs from this model"
    openai.UnprocessableEntityError,
    openai.InternalServerError,
)


class Asker(Sender):
    """Asks a server; every answer is kept under the digest of its request, and no request is answered twice.

    Args:
        server: the server and its traffic.
        book: where answers are kept.
        meter: what is spent.
        structured: form of structured answers; see ``Dialect``.
        place: of the server in the config, for messages.
        grace: see ``Sender``.
    """

    def __init__(
        self,
        server: Server,
        book: AnswerBook,
        meter: Meter,
        *,
        structured: str = "auto",
        place: str = "prompts.openai.server",
        grace: float,
    ) -> None:
        super().__init__(server, meter, place, grace)
        self._book = book
        self._dialect = Dialect(book, server.base_url, structured)

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
        found = self._book.get(key)
        if found is not None:
            return found

        async def exchange() -> dict[str, Any]:
            answer = kept_answer(await self._exchange(request), request)
            self._meter.pay(answer["paid"])
            await self._book.keep(key, answer)
            return answer

        return await self.tried(exchange, lambda: self._meter.reserve(request, self._expected(request)))

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
        found = self._book.get(key)
        if found is not None:
            return list(found["vectors"])

        async def exchange() -> list[list[float]]:
            reply = await self.client.embeddings.create(**body, timeout=self._traffic.timeout_seconds)
            sent = reply.usage.total_tokens if reply.usage else sum(map(count_tokens, texts))
            vectors = [item.embedding for item in reply.data]
            paid = {"model": model, "sent": sent, "answered": 0}
            self._meter.pay(paid)
            await self._book.keep(key, {"vectors": vectors, "paid": paid})
            return vectors

        return await self.tried(exchange, lambda: (0.0, 0.0))

    async def close(self) -> None:
        """Write what waits, and close the connections."""
        self._book.flush()
        await super().close()

    def _expected(self, body: Mapping[str, Any]) -> int:
        """Tokens of an answer, for the budget: as many as were answered on average so far, else all that it may."""
        spent = self._meter.spent.get(body["model"])
        return body["max_tokens"] if spent is None or not spent.calls else round(1.5 * spent.answered / spent.calls)
