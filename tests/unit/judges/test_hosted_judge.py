"""A vision endpoint: a real server that answers with probabilities, without them, or not at all."""

import base64
import contextlib
import io
import json
import math
import sqlite3

import numpy as np
import pytest
from PIL import Image

from judging_kit import FAST, candidate, in_thread, judge_all, picture, slices
from llm_server import Server, completion, looked
from varireal.backends import BackendContext
from varireal.config.hosted import Budget, Price, Traffic
from varireal.config.hosted import Server as ServerConfig
from varireal.config.verdicts import OpenAIJudging
from varireal.core.registry import backend_version, load_backend
from varireal.errors import BackendError
from varireal.hosted.money import BudgetReachedError, amounts_of
from varireal.hosted.tokens import data_url, image_tokens, request_tokens
from varireal.judges.base import Asked
from varireal.judges.hosted import HostedJudge
from varireal.store.items import open_store

TEXTS = ("Is it pink?", "Is it a gull?")


def ask(folder, url, asked=None, *, traffic=None, budget=None, prices=None, **options):
    """Answers of the judge; its store is in the folder."""
    server = ServerConfig(
        base_url=url, traffic=Traffic(**FAST | (traffic or {})), budget=budget or Budget(), prices=prices or {}
    )
    settings = OpenAIJudging(**{"model": "m"} | options)

    def run():
        with open_store(folder / "verdicts-a.sqlite") as store:
            judge = HostedJudge.from_config(settings, BackendContext(server=server, store=store))
            try:
                return list(judge.ask(asked or [Asked(picture(0), TEXTS)]))
            finally:
                judge.close()

    return in_thread(run)


def scripted(answer):
    """A server's script that notes every request; the answer is a reply, or a status and a message."""
    seen = []

    def script(_path, body, _number):
        seen.append(body)
        found = answer(body)
        if isinstance(found, dict):
            return 200, found, None
        status, message = found
        return status, {"error": {"message": message}}, None

    return script, seen


def test_p_yes_is_read_from_the_first_word(tmp_path):
    script, seen = scripted(lambda body: looked(body, 0.75, mass=0.9))
    with Server(script=script) as server:
        ((first, second),) = ask(tmp_path, server.url)
    assert (first.p_yes, first.mass) == (pytest.approx(0.75), pytest.approx(0.9))
    assert second == first
    body = seen[0]
    assert (body["logprobs"], body["top_logprobs"], body["temperature"]) == (True, 20, 0.0)
    assert 1 <= body["max_tokens"] <= 5
    assert body["model"] == "m"


def test_what_is_sent_is_the_picture_and_the_question_and_nothing_else(tmp_path):
    script, seen = scripted(looked)
    with Server(script=script) as server:
        ask(tmp_path, server.url, [Asked(picture(3, 100, 200), ("Is it pink?",))], image_format="png", long_side=64)
    (message,) = seen[0]["messages"]
    shown, text = message["content"]
    assert text == {"type": "text", "text": "Is it pink?"}
    head, _, data = shown["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    sent = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (sent.format, sent.size) == ("PNG", (64, 32))
    assert set(seen[0]) == {"model", "messages", "temperature", "max_tokens", "logprobs", "top_logprobs"}
    assert set(shown["image_url"]) == {"url"}


def test_jpeg_in_the_wanted_quality_and_detail(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    sizes = {}
    for quality in (50, 95):
        script, seen = scripted(looked)
        with Server(script=script) as server:
            ask(
                tmp_path / str(quality), server.url, [Asked(buffer.getvalue(), ("Is it?",))],
                jpeg_quality=quality, detail="low",
            )  # fmt: skip
        shown = seen[0]["messages"][0]["content"][0]["image_url"]
        assert shown["detail"] == "low"
        assert shown["url"].startswith("data:image/jpeg;base64,")
        sizes[quality] = len(shown["url"])
    assert sizes[95] > 1.5 * sizes[50]


def test_an_answer_is_paid_for_once(tmp_path):
    with Server() as server:
        first = ask(tmp_path, server.url)
        assert len(server.calls) == 2
        assert ask(tmp_path, server.url) == first
        assert len(server.calls) == 2
        ask(tmp_path, server.url, [Asked(picture(1), TEXTS)])
        assert len(server.calls) == 4


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "logprobs is not supported with this model"),
        (403, "You are not allowed to request logprobs from this model"),
        (422, "extra fields not permitted: logprobs, top_logprobs"),
    ],
)
def test_a_server_that_refuses_probabilities_is_asked_for_words(tmp_path, status, message):
    script, seen = scripted(lambda body: (status, message) if "logprobs" in body else completion(body, "Yes."))
    with Server(script=script) as server:
        ((first, second),) = ask(tmp_path, server.url, traffic={"concurrency": 1})
        assert (first.p_yes, first.mass) == (1.0, None)
        assert second.p_yes == 1.0
        before = len(seen)
        ask(tmp_path, server.url, [Asked(picture(1), TEXTS)])
    assert all("logprobs" not in body and "top_logprobs" not in body for body in seen[before:])


def test_a_server_that_gives_fewer_probabilities_is_asked_for_fewer(tmp_path):
    script, seen = scripted(
        lambda body: (400, "top_logprobs must be at most 5") if body.get("top_logprobs", 0) > 5 else looked(body, 0.8)
    )
    with Server(script=script) as server:
        ((first, _),) = ask(tmp_path, server.url)
    assert first.p_yes == pytest.approx(0.8)
    assert seen[-1]["top_logprobs"] == 5


def test_a_server_that_ignores_probabilities_is_read_by_its_words(tmp_path):
    script, _ = scripted(lambda body: completion(body, "No, it is not."))
    with Server(script=script) as server:
        ((first, _),) = ask(tmp_path, server.url)
    assert (first.p_yes, first.mass) == (0.0, None)


@pytest.mark.parametrize(
    "answer",
    [
        lambda body: completion(body, "It depends."),
        lambda body: completion(body, ""),
        lambda body: completion(body, None),
        lambda body: completion(body, None, refusal="I cannot look at pictures of birds."),
        lambda body: completion(body, "Yes", refusal="On second thought, no."),
        lambda body: completion(body, "Yes and no."),
        lambda body: completion(body, "{}[]\u0000"),
    ],
)
def test_an_answer_that_is_neither_is_unknown_and_kept(tmp_path, answer):
    script, seen = scripted(answer)
    with Server(script=script) as server:
        ((first, _),) = ask(tmp_path, server.url)
        assert first.p_yes is None
        assert first.told
        assert first.kept
        ask(tmp_path, server.url)
    assert len(seen) == 2


def test_a_request_that_fails_for_good_is_unknown_and_asked_again_another_time(tmp_path):
    broken = True

    def answer(body):
        pink = "pink" in body["messages"][0]["content"][1]["text"]
        return (500, "internal") if pink and broken else looked(body, 0.9)

    script, _ = scripted(answer)
    with Server(script=script) as server:
        ((first, second),) = ask(tmp_path, server.url)
        assert (first.p_yes, first.kept) == (None, False)
        assert "no answer from the server" in first.told
        assert second.p_yes == pytest.approx(0.9)
        broken = False
        ((first, _),) = ask(tmp_path, server.url)
    assert first.p_yes == pytest.approx(0.9)


def test_faults_that_pass_cost_no_answer(tmp_path):
    asked = [Asked(picture(n), TEXTS) for n in range(20)]
    with Server(faults=0.1, seed=3, stall=0.6) as server:
        found = ask(tmp_path, server.url, asked, traffic={"timeout_seconds": 0.3, "tries": 8})
    assert all(answer.p_yes is not None for group in found for answer in group)
    assert {call["what"] for call in server.calls} > {"ok"}


def test_an_html_page_in_place_of_an_answer_is_unknown(tmp_path):
    with Server(script=lambda *_: (200, b"<html>busy</html>", None)) as server:
        ((first, _),) = ask(tmp_path, server.url)
    assert first.p_yes is None


def test_a_dead_server_ends_it_with_a_message(tmp_path):
    with (
        Server(script=lambda *_: (500, {"error": {"message": "down"}}, None)) as server,
        pytest.raises(BackendError, match=r"failed [3-9] times in a row.*what was answered is kept") as caught,
    ):
        ask(tmp_path, server.url, traffic={"failures_in_a_row": 3, "tries": 9})
    assert "\n" not in str(caught.value)


def test_a_budget_stops_before_it_is_passed_and_a_higher_one_goes_on(tmp_path):
    asked = [Asked(picture(n), TEXTS) for n in range(6)]
    with Server() as server:
        with pytest.raises(BudgetReachedError, match=r"verdicts\.openai\.server\.budget\.tokens: .*raise it"):
            ask(tmp_path, server.url, asked, budget=Budget(tokens=700), traffic={"concurrency": 1})
        spent = len(server.calls)
        assert 0 < spent < 12
        ask(tmp_path, server.url, asked, budget=Budget(tokens=100_000))
        assert len(server.calls) == 12
    prices = {"m": Price(input=1000.0, output=0)}
    with Server() as server, pytest.raises(BudgetReachedError, match=r"verdicts\.openai\.server\.budget\.usd"):
        ask(tmp_path / "usd", server.url, asked, budget=Budget(usd=0.5), prices=prices)


def test_the_budget_is_that_of_all_jobs_of_the_study(tmp_path):
    """Another job's store beside one's own counts; a store of another stage does not."""
    paid = {"paid": {"model": "m", "sent": 5000, "answered": 1}}
    for name, spent in (("verdicts-b", paid), ("prompts", {"paid": {"model": "m", "sent": 10**9, "answered": 0}})):
        with open_store(tmp_path / f"{name}.sqlite") as store:
            store.put_many([("k", json.dumps(spent).encode())], amounts_of(spent["paid"]))
            store.put("other", b'{"row": 1}\nbytes')
    with Server() as server:
        with pytest.raises(BudgetReachedError, match=r"5,001 spent"):
            ask(tmp_path, server.url, budget=Budget(tokens=5100))
        assert server.calls == []
        ask(tmp_path, server.url, budget=Budget(tokens=8000))
    assert len(server.calls) == 2


def test_a_picture_costs_what_the_protocol_says():
    def tokens(width, height):
        buffer = io.BytesIO()
        Image.new("RGB", (width, height)).save(buffer, "PNG")
        return image_tokens(data_url(buffer.getvalue(), "png"))

    assert tokens(512, 512) == 85 + 170
    assert tokens(1024, 1024) == 85 + 4 * 170  # made 768 x 768
    assert tokens(4096, 2048) == 85 + 6 * 170  # made 2048 x 1024, then 1536 x 768
    body = {"messages": [{"content": [{"type": "text", "text": "Is it pink?"}]}]}
    assert request_tokens(body) == 4 + 4


def test_a_store_is_needed():
    with pytest.raises(BackendError, match="give --store"):
        HostedJudge.from_config(OpenAIJudging(), BackendContext())


def test_it_is_found_by_its_name():
    assert load_backend("judges", "openai") is HostedJudge
    assert backend_version("judges", "openai") == str(HostedJudge.version)


CANARY = "sk-canary-0123456789abcdef"


def test_the_key_is_in_no_file_and_no_message(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("JUDGE_KEY", CANARY)
    server_block = {"key_env": "JUDGE_KEY"}

    def run(folder, url):
        part = slices("openai", url=url, openai={"server": server_block})
        return judge_all(folder, [candidate(0), candidate(1)], part)

    with Server(keys=(CANARY,)) as server:
        _, rows = run(tmp_path / "good", server.url)
        assert all(row["p_present_1"] is not None for row in rows)
    with Server(keys=("another",)) as server, pytest.raises(BackendError, match="refuses to answer") as caught:
        run(tmp_path / "bad", server.url)  # the server's message repeats the key that it was given
    assert CANARY not in str(caught.value)
    assert CANARY not in caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_log_odds_of_the_answers_are_those_of_the_server(tmp_path):
    script, _ = scripted(lambda body: looked(body, 0.2 if "mpossible" in str(body) or "cannot" in str(body) else 0.9))
    with Server(script=script) as server:
        _, (row,) = judge_all(tmp_path, [candidate(0)], slices("openai", url=server.url))
    assert row["p_feasible_1"] == pytest.approx(0.9)
    assert row["p_feasible_1_twin"] == pytest.approx(0.2)
    assert math.isfinite(row["feasible_logit"])
    assert (row["judge"], row["judge_model"], row["judge_revision"]) == ("openai", "m", None)


def test_what_an_outage_left_as_an_answer_is_asked_again(tmp_path):
    """Earlier versions kept an error with status 200 twice: as the server's answer, and as a judge's empty one."""
    with Server() as server:
        _, (right,) = judge_all(tmp_path, [candidate(0)], slices("openai", url=server.url))
        asked = len(server.calls)
        (path,) = tmp_path.rglob("*.sqlite")
        paid = {"model": "m", "sent": 1, "answered": 0}
        lost = {"content": None, "finish_reason": None, "refusal": None, "logprobs": None, "paid": paid}
        empty = {"p_yes": None, "mass": None, "told": "an empty answer"}
        with contextlib.closing(sqlite3.connect(path)) as store:
            rows = store.execute("select key, value from items").fetchall()
        kept = {key: json.loads(value) for key, value in rows if value.startswith(b"{")}
        with open_store(path) as store:
            store.put_many([(k, json.dumps(empty).encode()) for k, value in kept.items() if "p_yes" in value])
            store.put_many([(k, json.dumps(lost).encode()) for k, value in kept.items() if "paid" in value])
        _, (again,) = judge_all(tmp_path, [candidate(0)], slices("openai", url=server.url))
        assert len(server.calls) == 2 * asked
    assert again["p_feasible_1"] == right["p_feasible_1"]
