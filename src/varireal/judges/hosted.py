"""The judge behind a vision endpoint: any server that speaks chat completions and looks at pictures."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from varireal.backends import BackendContext
from varireal.config.hosted import Server
from varireal.config.verdicts import OpenAIJudging
from varireal.core.files import one_line
from varireal.errors import BackendError
from varireal.hosted.client import Asker, NoAnswerError
from varireal.hosted.money import Spent
from varireal.hosted.replies import ends_cut, refusal, spoken, why_empty
from varireal.hosted.session import Session
from varireal.hosted.tokens import data_url
from varireal.judges.answers import from_logprobs, from_text
from varireal.judges.base import Answer, Asked, shown_picture
from varireal.store.items import ItemStore

_PLACE = "verdicts.openai.server"
_TOP = 20  # the most that the protocol has


class HostedJudge:
    """Answers questions about pictures with the probability of yes, or with its words where a server tells none.

    Args:
        settings: the model, and how pictures are sent.
        server: where it is, its traffic, prices and budget.
        store: item store of the job; the server's answers are in it before anybody reads them.
        grace: seconds that answers under way are waited for when a scheduler's signal comes.
    """

    name = "openai"
    version = 1
    revision: str | None = None

    def __init__(self, settings: OpenAIJudging, server: Server, store: ItemStore, *, grace: float) -> None:
        self._settings = settings
        self.model = settings.model
        self.pictures = max(4, server.traffic.concurrency)
        self.identity = json.dumps(settings.for_keys(exclude=("server", "model")), sort_keys=True)
        self._session = Session(lambda: Asker(server, store, _PLACE, grace=grace))

    @classmethod
    def from_config(cls, settings: OpenAIJudging, context: BackendContext) -> "HostedJudge":
        """The judge of a job; nothing is sent before the first question.

        Raises:
            BackendError: there is no store to keep answers in.
        """
        if context.store is None:
            raise BackendError("the judge 'openai' keeps what it paid for; give --store")
        server = context.server or settings.server
        return cls(settings, server, context.store, grace=context.machine.grace_seconds)

    def ask(self, asked: Sequence[Asked]) -> Iterator[tuple[Answer, ...]]:
        """Yield the answers about each picture; see ``AskedJudge.ask``.

        Raises:
            BudgetReachedError: the next request could pass the budget.
            ServerDownError: the server does not answer, or does not know us.
            StoppedError: a signal has come; the answers that came are kept.
        """
        requests = [self._request(url, text) for one in asked for url in (self._url(one),) for text in one.texts]
        answers = iter(self._session.run(lambda asker: [self._answer(asker, request) for request in requests]))
        for one in asked:
            yield tuple(next(answers) for _ in one.texts)

    @property
    def news(self) -> tuple[str, ...]:
        """What was spent in all, when anything was asked now; where there is a budget, with the other jobs."""
        if not self._session.open:
            return ()
        meter = self._session.sender.meter
        by_model = {self.model: Spent()} | meter.spent
        spent, usd = by_model[self.model], meter.prices.total(by_model.items())
        price = "" if usd is None else f", ${usd:.2f}"
        amounts = (
            f"{self.model}: {spent.calls:,} calls, {spent.sent:,} tokens sent, {spent.answered:,} answered{price}"
        )
        return (f"{amounts} by all jobs" if meter.limited else amounts,)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _url(self, asked: Asked) -> str:
        picture, buffer = shown_picture(asked.picture, self._settings.long_side), io.BytesIO()
        if self._settings.image_format == "jpeg":
            picture.save(buffer, "JPEG", quality=self._settings.jpeg_quality, subsampling=0)
        else:
            picture.save(buffer, "PNG")
        return data_url(buffer.getvalue(), self._settings.image_format)

    def _request(self, url: str, text: str) -> dict[str, Any]:
        detail = {"detail": self._settings.detail} if self._settings.detail else {}
        picture = {"type": "image_url", "image_url": {"url": url, **detail}}
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": [picture, {"type": "text", "text": text}]}],
            "temperature": self._settings.temperature,
            "max_tokens": self._settings.max_tokens,
            "logprobs": True,
            "top_logprobs": _TOP,
        }

    async def _answer(self, asker: Asker, request: dict[str, Any]) -> Answer:
        try:
            reply = await asker.ask(request)
        except NoAnswerError as error:  # one question that fails is unknown; it is asked again another time
            return Answer(None, None, f"no answer from the server: {error}", kept=False)
        if refusal(reply):
            return Answer(None, None, f"the model refused: {one_line(refusal(reply))[:200]}")
        likely, words = reply.get("logprobs"), spoken(reply["content"])
        answer = (from_logprobs(likely) if likely else None) or from_text(words)
        if answer.p_yes is not None:
            return answer
        if ends_cut(reply):
            limit = f"verdicts.openai.max_tokens ({self._settings.max_tokens})"
            told = (
                f"cut off before it said yes or no: {one_line(words)[:80]!r}; a model that thinks needs more {limit}"
            )
            return replace(answer, told=told)
        return answer if words.strip() else replace(answer, told=why_empty(reply))
