"""What servers really send: good answers in odd forms are read, and all else is tried again and said in one line."""

import asyncio
import json
import logging
import re

import pytest

from asking_kit import ask, make_slice, record
from judging_kit import in_thread, picture
from llm_server import Server, completion, looked, written
from odd_replies import BAD, GOOD, damaged
from varireal.backends import BackendContext
from varireal.config.hosted import OpenAIPrompts, Traffic
from varireal.config.hosted import Server as ServerConfig
from varireal.config.verdicts import OpenAIJudging
from varireal.errors import BackendError
from varireal.hosted.book import AnswerBook, request_digest
from varireal.hosted.client import Asker
from varireal.hosted.replies import chat_answer, kept_answer, said, spoken
from varireal.hosted.session import run_all
from varireal.hosted.written import AnswerError, read_items
from varireal.judges.base import Asked
from varireal.judges.hosted import HostedJudge
from varireal.prompts.instructions import PromptTemplates
from varireal.prompts.requests import NamedItem, Place, PromptRequests
from varireal.prompts.writing import Dialogue
from varireal.records import Prompt
from varireal.store.items import open_store

ONE = {"mallard": "mallard"}
PLAIN = make_slice(ONE, attributes=("texture",), attempts=1, repairs=0, judge={"enabled": False})
FEW = {"tries": 2, "failures_in_a_row": 1000}


def encoded(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def raw_answers(folder, class_id):
    return [json.loads(line) for line in (folder / f"prompts/.answers/{class_id}.jsonl").read_text().splitlines()]


def forms_as_classes(forms):
    """One class for each form of reply, and a way to find the form that a request is to be answered with."""
    classes = {f"c{number}": f"creature number {number} of all" for number in range(len(forms))}

    def form_of(body):
        return list(forms)[int(re.search(r"creature number (\d+) of all", str(body["messages"]))[1])]

    return dict(zip(forms, classes, strict=True)), classes, form_of


def test_a_good_answer_is_read_in_every_form(tmp_path):
    ids, classes, form_of = forms_as_classes(GOOD)
    with Server(script=lambda _path, body, _number: (200, GOOD[form_of(body)](body, written(body)), None)) as server:
        ask(tmp_path, server.url, make_slice(classes, attributes=("texture",), attempts=1, repairs=0))
        assert len(server.calls) == 3 * len(GOOD)
    for form, class_id in ids.items():
        settings = record(tmp_path, class_id)["settings"]
        assert [(found["accepted"], found["refused"]) for found in settings.values()] == [(3, {}), (3, {})], form
        assert settings["texture/feasible"]["votes"] == {"feasible": 3}, form


def test_what_is_no_answer_is_kept_by_nobody_and_asked_again(tmp_path):
    ids, classes, form_of = forms_as_classes(BAD)
    asked = []

    def script(_path, body, _number):
        asked.append(form_of(body))
        status, reply, headers, _ = BAD[asked[-1]]
        return status, encoded(reply), headers

    config = make_slice(classes, attributes=("texture",), attempts=1, repairs=0, judge={"enabled": False})
    with (
        Server(script=script) as server,
        pytest.raises(BackendError, match="did not answer for settings that have fewer prompts"),
    ):
        ask(tmp_path, server.url, config, traffic=FEW)
    for form, class_id in ids.items():
        status, _, _, words = BAD[form]
        assert asked.count(form) == (2 if status in (400, 422) else 4), form  # what passes is tried again
        for answer in raw_answers(tmp_path, class_id):
            assert words in answer["error"], form
            assert "/v1/chat/completions" in answer["error"]
            assert "\n" not in answer["error"]
    with Server() as server:
        ask(tmp_path, server.url, config)
        assert len(server.calls) == 2 * len(BAD)
    for class_id in classes:
        assert [found["short"] for found in record(tmp_path, class_id)["settings"].values()] == [0, 0]


@pytest.mark.parametrize("form", ["error object", "details", "portal"])
def test_what_a_server_says_is_on_the_screen_once(tmp_path, form, caplog):
    status, body, headers, words = BAD[form]
    with (
        Server(script=lambda *_: (status, encoded(body), headers)) as server,
        caplog.at_level(logging.WARNING),
        pytest.raises(BackendError, match="did not answer"),
    ):
        ask(tmp_path, server.url, PLAIN, traffic=FEW)
    warned = [entry.getMessage() for entry in caplog.records if words in entry.getMessage()]
    assert len(warned) == 1, caplog.text
    assert warned[0].startswith("prompts.openai.server: http://127.0.0.1:")


def test_an_outage_that_an_earlier_version_kept_is_asked_again(tmp_path):
    bodies = []
    with Server(
        script=lambda _p, body, _n: bodies.append(body) or (200, completion(body, written(body)), None)
    ) as server:
        ask(tmp_path, server.url, PLAIN)
    paid = {"model": "m", "sent": 1, "answered": 0, "counted_here": True}
    outage = {"content": None, "finish_reason": None, "refusal": None, "paid": paid}
    with open_store(tmp_path / "store/prompts.sqlite") as store:
        keys = [request_digest(body) for body in bodies]
        assert all(AnswerBook(store).get(key) for key in keys)
        store.put(keys[0], json.dumps(outage).encode())
    with Server() as server:
        ask(tmp_path, server.url, PLAIN)
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("kept", "content"),
    [
        ({"content": "Yes", "finish_reason": "stop"}, "Yes"),
        ({"content": None, "finish_reason": "length"}, ""),
        ({"content": [{"type": "text", "text": "Yes"}], "finish_reason": "stop"}, "Yes"),
        ({"content": None, "finish_reason": "stop", "refusal": "No birds."}, ""),
        ({"content": None, "finish_reason": None}, None),
        ({"content": "Ye", "finish_reason": "error"}, None),
        ({"content": None, "finish_reason": "tool_calls"}, None),
    ],
)
def test_kept_answers_of_earlier_versions(kept, content):
    answer = kept_answer({"refusal": None, "paid": {}, **kept})
    assert (None if answer is None else answer["content"]) == content


def items_of(text, finish="stop", form=NamedItem, key="prompts", **message):
    body = completion({"model": "m", "messages": []}, text, finish, **message)
    return read_items(chat_answer(body, {"model": "m", "messages": []}), form, key, "max_tokens (9)")[0]


def listed(*names):
    return json.dumps({"prompts": [{"name": name, "description": "D."} for name in names]})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"<think>{listed('draft')}</think>{listed('final')}", ["final"]),
        (f"<think>{listed('draft', 'two')} no </think> So: {listed('final')}", ["final"]),
        (f"{listed('draft')} hm </think>\n{listed('final')}", ["final"]),
        (f"{listed('final')}\n<think>Was {listed('draft', 'two')} better?</think>", ["final"]),
        (f"<reasoning>{listed('draft')} better:\n{listed('final')}", ["final"]),
        (f"I use {{braces}} and [lists], as [1] says.\n```json\n{listed('a', 'b')}\n```", ["a", "b"]),
        (f"{{not json {listed('a')}", ["a"]),
        (f"{listed()} {listed('a', 'b')} {listed('c')}", ["a", "b"]),
        (json.dumps([json.loads(listed("a"))]), ["a"]),
        (json.dumps({"answer": listed("a")}), ["a"]),
        (json.dumps({"prompts": [{"name": "a <think> tag", "description": "</think>"}]}), ["a <think> tag"]),
    ],
)
def test_json_is_found_wherever_it_stands(text, names):
    assert [item.name for item in items_of(text)] == names


@pytest.mark.parametrize(
    ("text", "finish", "code", "words"),
    [
        (f"<think>{listed('draft')}</think>I cannot.", "stop", "parse", "not JSON"),
        (f"<think>{listed('draft')}", "length", "truncated", "still thinking when.*max_tokens .9"),
        (None, "length", "truncated", r"raise max_tokens .9"),
        (None, "content_filter", "refused", "content filter"),
        (None, "stop", "parse", "empty"),
        (listed("a")[:30], "length", "truncated", "cut off at the limit"),
        ('{"prompts": [{"title": "x"}]}', "stop", "schema", "an entry of prompts"),
        ("[[[[" * 50_000, "stop", "parse", "not JSON"),
        ('{"a":' * 50_000, "stop", "parse", "not JSON"),
        ("</think><think>" * 20_000, "stop", "parse", "not JSON|only thinks"),
    ],
)
def test_what_cannot_be_used_says_why(text, finish, code, words):
    with pytest.raises(AnswerError, match=words) as caught:
        items_of(text, finish)
    assert caught.value.code == code


def test_a_filter_is_named():
    reply = completion({"model": "m", "messages": []}, None, "content_filter")
    reply["choices"][0]["content_filter_results"] = {"hate": {"filtered": True}, "violence": {"filtered": False}}
    with pytest.raises(AnswerError, match=r"content filter \(hate\)"):
        read_items(chat_answer(reply, {"model": "m", "messages": []}), NamedItem, "prompts")


def test_thinking_is_told_from_what_is_said():
    assert spoken("<think>Is it? yes</think>\nNo.").strip() == "No."
    assert said("<thinking>Yes, it is") == ("Yes, it is", False)
    assert spoken("<thinking>Yes, it is") == ""
    assert spoken("Yes.") == "Yes."


def refusing(name, shape):
    """A server that refuses a setting in one of the forms of a body."""

    def script(_path, body, _number):
        if name in body:
            status, reply = shape
            return status, reply, None
        return 200, completion(body, written(body)), None

    return script


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("seed", (422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]})),
        ("seed", (400, b"unknown parameter: seed")),
        ("seed", (400, [{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}])),
        ("seed", (200, {"error": {"message": "seed is not supported", "code": 400}})),
        ("seed", (400, {"error": {"message": json.dumps({"detail": "seed: not supported here"}), "code": "400"}})),
        ("temperature", (400, {"message": "Unsupported value", "param": "temperature", "object": "error"})),
        ("max_tokens", (400, {"error": {"message": "Unsupported parameter", "param": "max_tokens"}})),
        ("response_format", (422, {"detail": [{"loc": ["body", "response_format"], "msg": "extra fields"}]})),
        ("response_format", (400, {"errors": ["grammar is not compiled in"]})),
    ],
)  # fmt: skip
def test_the_dialect_learns_from_every_form_of_refusal(tmp_path, name, shape, caplog):
    with Server(script=refusing(name, shape)) as server, caplog.at_level(logging.WARNING):
        ask(tmp_path, server.url, PLAIN, traffic={"concurrency": 1})
    assert [found["short"] for found in record(tmp_path, "mallard")["settings"].values()] == [0, 0]
    assert "from now on" in caplog.text


def test_a_limit_that_is_too_high_is_no_matter_of_the_dialect(tmp_path, caplog):
    message = "'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context length is 512"
    with Server(script=lambda *_: (400, {"message": message}, None)) as server:
        with caplog.at_level(logging.WARNING), pytest.raises(BackendError, match="did not answer"):
            ask(tmp_path, server.url, PLAIN)
        assert len(server.calls) == 2
    assert "maximum context length is 512" in caplog.text


CANARY = "sk-odd-Canary/0123456789+x"


def test_a_key_that_a_server_repeats_is_shown_nowhere(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    for number, (status, body) in enumerate(
        [
            (400, f"bad key {CANARY}"),
            (400, {"detail": [{"msg": "x" * 280 + CANARY, "loc": ["header", "authorization"]}]}),
            (200, {"choices": [], "debug": {"authorization": f"Bearer {CANARY}"}}),
            (200, f"<html><title>{CANARY}</title></html>"),
            (400, {"error": {"message": json.dumps({"key": CANARY, "message": f"no {CANARY}"})}}),
        ]
    ):
        folder = tmp_path / str(number)
        reply = body.encode() if isinstance(body, str) else body
        with (
            Server(script=lambda *_, s=status, r=reply: (s, r, None)) as server,
            caplog.at_level(logging.DEBUG),
            pytest.raises(BackendError, match="did not answer") as caught,
        ):
            ask(folder, server.url, PLAIN, traffic=FEW)
        assert CANARY not in str(caught.value)
    assert "Canary" not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"Canary" in path.read_bytes()]


def judged(folder, script, pictures=1, texts=("Is it?",), traffic=None):
    def run():
        with Server(script=script) as server, open_store(folder / "verdicts-a.sqlite") as store:
            config = ServerConfig(
                base_url=server.url, traffic=Traffic(longest_wait_seconds=0.01, **{**FEW, **(traffic or {})})
            )
            judge = HostedJudge.from_config(OpenAIJudging(model="m"), BackendContext(server=config, store=store))
            try:
                return [a for group in judge.ask([Asked(picture(n), texts) for n in range(pictures)]) for a in group]
            finally:
                judge.close()

    folder.mkdir(parents=True, exist_ok=True)
    return in_thread(run)


@pytest.mark.parametrize(
    ("reply", "p_yes", "words"),
    [
        (lambda b: completion(b, "<think>Not yes, no...</think>Yes."), 1.0, ""),
        (lambda b: completion(b, [{"type": "thinking", "thinking": "yes"}, {"type": "text", "text": "No."}]), 0.0, ""),
        (lambda b: completion(b, None, "length", reasoning_content="Hm"), None, r"more verdicts.openai.max_tokens .5"),
        (lambda b: completion(b, None, "content_filter"), None, "content filter"),
        (lambda b: completion(b, "<think>Yes"), None, "empty"),
    ],
)  # fmt: skip
def test_a_judge_reads_the_same(tmp_path, reply, p_yes, words):
    (answer,) = judged(tmp_path, lambda _path, body, _number: (200, reply(body), None))
    assert answer.p_yes == p_yes
    assert re.search(words, answer.told)
    assert answer.kept


def test_probabilities_are_those_after_the_thinking(tmp_path):
    def thinking(_path, body, _number):
        reply = looked(body, 0.9)
        tokens = reply["choices"][0]["logprobs"]["content"]
        before = [
            {"token": text, "top_logprobs": [{"token": "no", "logprob": -0.01}]}
            for text in ("<think>", "no", "</think>")
        ]
        reply["choices"][0]["logprobs"]["content"] = before + tokens
        reply["choices"][0]["message"]["content"] = "<think>no</think>Yes."
        return 200, reply, None

    (answer,) = judged(tmp_path, thinking)
    assert answer.p_yes == pytest.approx(0.9)


# Fuzzing: 500 damaged replies for each of those who ask.
MANY = 500


def scripted_damage(good, sent):
    def script(_path, body, _number):
        sent.append(0)
        return damaged(good(body), len(sent))

    return script


def test_damaged_replies_end_as_prompts_or_reasons(tmp_path):
    classes = {f"c{n}": f"creature {n}" for n in range(84)}
    sent = []
    config = make_slice(classes, attempts=1, repairs=0, count=1, judge={"enabled": False})
    traffic = {"tries": 1, "failures_in_a_row": 10_000, "concurrency": 4}
    with (
        Server(script=scripted_damage(lambda body: completion(body, written(body)), sent)) as server,
        pytest.raises(BackendError, match=r"^the server did not answer for settings [^\n]*$"),
    ):
        ask(tmp_path, server.url, config, traffic=traffic)
    assert len(sent) >= MANY
    settings = [facts for class_id in classes for facts in record(tmp_path, class_id)["settings"].values()]
    assert len(settings) == 6 * 84
    assert all(
        facts["accepted"] + facts["short"] == 1 and (facts["accepted"] or facts["refused"]) for facts in settings
    )
    assert sum(facts["accepted"] for facts in settings) > MANY / 20


def test_damaged_second_opinions_are_votes_or_unknown(tmp_path):
    sent, config = [], OpenAIPrompts(model="m", repairs=0)
    named = {"feasible": "plain coat", "infeasible": "impossible coat"}
    prompts = [Prompt("", "c", "texture", arm, name, "A coat.") for arm, name in named.items()]
    requests = PromptRequests(config, "bird", PromptTemplates(None))

    def run(url):
        server = ServerConfig(base_url=url, traffic=Traffic(tries=1, failures_in_a_row=10_000))
        with open_store(tmp_path / "prompts.sqlite") as store:
            asker = Asker(server, store, "prompts.openai.server", grace=1.0)
            dialogue = Dialogue(config, requests, asker)
            places = [Place(f"c{n}", f"creature {n}", "texture") for n in range(MANY)]
            work = run_all(asker, [dialogue.votes(place, prompts, []) for place in places])

            async def everything():
                try:
                    return await work
                finally:
                    await asker.close()

            return asyncio.run(everything())

    with Server(script=scripted_damage(lambda body: completion(body, written(body)), sent)) as server:
        votes = [vote for found in in_thread(lambda: run(server.url)) for vote in found.values()]
    assert len(votes) == 2 * MANY
    assert set(votes) == {"feasible", "infeasible", "unknown"}


def test_damaged_replies_end_as_answers_or_as_unknown(tmp_path):
    sent = []
    script = scripted_damage(lambda body: looked(body, 0.8), sent)
    texts = tuple(f"Is it {number}?" for number in range(50))
    answers = judged(tmp_path, script, MANY // 50, texts, {"tries": 1, "failures_in_a_row": 10_000})
    assert len(answers) == MANY
    assert all(answer.told if answer.p_yes is None else 0 <= answer.p_yes <= 1 for answer in answers)
    assert sum(answer.p_yes == pytest.approx(0.8) for answer in answers) > MANY / 20
