import asyncio
import logging
from types import SimpleNamespace

import pytest

from varireal.hosted import session
from varireal.hosted.money import spent_text


@pytest.mark.parametrize(
    ("amounts", "usd", "text"),
    [
        ({"seconds": 3.0}, 0.0, ""),
        ({"calls:a": 1, "sent:a": 10, "answered:a": 2}, None, "1 call, 12 tokens, price unknown"),
        ({"calls:a": 30, "sent:a": 1e5, "calls:b": 4, "answered:b": 20_300}, 0.14, "34 calls, 120,300 tokens, $0.14"),
    ],
)
def test_what_was_spent_in_words(amounts, usd, text):
    assert spent_text(amounts, usd) == text


def test_a_long_batch_says_what_it_costs(monkeypatch, caplog):
    """A model may think for minutes: the log of the job must not be silent meanwhile."""
    monkeypatch.setattr(session, "_SECONDS_BETWEEN_NEWS", 0.01)
    words = iter(["", *(f"{number} calls" for number in range(1, 1000))])
    sender = SimpleNamespace(meter=SimpleNamespace(words=lambda: next(words)), stopped=False, under_way=set(), grace=1)

    async def work():
        await asyncio.sleep(0.2)
        return "answer"

    async def everything():
        results = await session.run_all(sender, [work(), work()])
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1  # nobody goes on telling
        return results

    with caplog.at_level(logging.INFO, logger=session.__name__):
        assert asyncio.run(everything()) == ["answer", "answer"]
    assert caplog.messages[:3] == ["asking: no answer yet", "asking: 1 calls", "asking: 2 calls"]
