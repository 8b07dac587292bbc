"""Answers on disk: each is kept by the digest of its request before anybody gets to see it."""

import asyncio
import json
from collections import Counter
from typing import Any

from varireal.core.seeds import digest
from varireal.hosted.money import amounts_of
from varireal.hosted.replies import kept_answer
from varireal.store.items import ItemStore


def request_digest(body: dict[str, Any]) -> str:
    """Digest of a full request; the server's address is no part of it, so a server can move."""
    return digest("request", json.dumps(body, sort_keys=True))


class AnswerBook:
    """Writes answers in groups, one sync for all that came within a moment; failures are never written."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store
        self._waiting: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._spent: Counter[str] = Counter()

    def get(self, key: str) -> dict[str, Any] | None:
        """What is kept under a key."""
        value = self._store.get(key)
        return None if value is None else json.loads(value)

    def answer(self, key: str) -> dict[str, Any] | None:
        """What is kept as the answer to a request; None where it is none, for an outage once left some."""
        return kept_answer(self.get(key))

    def set(self, key: str, value: dict[str, Any]) -> None:
        """Keep a fact at once."""
        self._store.put(key, json.dumps(value, sort_keys=True).encode())

    def keep(self, key: str, value: dict[str, Any]) -> asyncio.Future[None]:
        """Keep an answer; it is on disk when the future is done, and gets there also when nobody waits for that."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self.flush)  # all that came in the same turn of the loop, and at once
        self._waiting.append((key, json.dumps(value, sort_keys=True).encode(), done))
        if value.get("paid"):
            self._spent.update(amounts_of(value["paid"]))
        return done

    def flush(self) -> None:
        """Write what waits, in one transaction."""
        waiting, self._waiting = self._waiting, []
        spent, self._spent = self._spent, Counter()
        failure: Exception | None = None
        try:
            self._store.put_many([(key, value) for key, value, _ in waiting], spent)
        except Exception as error:  # noqa: BLE001  (handed to those who wait)
            failure = error
        for _, _, done in waiting:
            if done.done():
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

    @property
    def answers(self) -> int:
        """How many answers are kept; notes about requests are none."""
        return sum("paid" in json.loads(value) for value in self._store.values())
