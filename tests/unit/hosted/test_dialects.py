"""Servers that take less than the protocol has, and a real one that enforces the schema."""

import json

import pytest
from tiny_gguf import write_tiny_gguf

from asking_kit import ask, make_slice, record
from llm_server import Server, completion, written

ONE = {"mallard": "mallard"}


def picky(refuse):
    """A server that refuses some requests with status 400."""
    seen = []

    def script(_path, body, _number):
        message = refuse(body)
        seen.append(body)
        if message:
            return 400, {"error": {"message": message}}, None
        return 200, completion(body, written(body)), None

    return script, seen


def form(body):
    return body.get("response_format", {}).get("type", "text")


@pytest.mark.parametrize(
    ("refuse", "sent"),
    [
        (lambda b: form(b) == "json_schema" and "response_format json_schema is not supported", "json_object"),
        (lambda b: form(b) != "text" and "unknown field response_format", "text"),
    ],
)
def test_the_strictest_form_that_the_server_takes_is_found_and_remembered(tmp_path, refuse, sent):
    script, seen = picky(refuse)
    config = make_slice(ONE, attributes=("texture",))
    with Server(script=script) as server:
        ask(tmp_path, server.url, config, traffic={"concurrency": 1})
        assert form(seen[-1]) == sent
        before = len(seen)
        ask(tmp_path, server.url, make_slice(ONE, attributes=("color",)))
    assert {form(body) for body in seen[before:]} == {sent}


def test_settings_that_a_model_refuses_are_left_out(tmp_path):
    def refuse(body):
        if "max_tokens" in body:
            return "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return "temperature" in body and "Unsupported value: 'temperature' does not support 0.8"

    script, seen = picky(refuse)
    with Server(script=script) as server:
        ask(tmp_path, server.url, make_slice(ONE, attributes=("texture",)))
    assert "temperature" not in seen[-1]
    assert seen[-1]["max_completion_tokens"] == 4000


def test_many_refusals_at_once_do_not_give_way_too_far(tmp_path):
    script, seen = picky(lambda b: form(b) == "json_schema" and "no json_schema here")
    classes = {f"c{n}": f"creature {n}" for n in range(10)}
    with Server(script=script) as server:
        ask(tmp_path, server.url, make_slice(classes), traffic={"concurrency": 16})
    assert {form(body) for body in seen} == {"json_schema", "json_object"}


def test_an_unusable_answer_is_shown_with_its_error_and_repaired(tmp_path):
    def once_bad(_path, body, _number):
        return 200, completion(body, written(body) if len(body["messages"]) > 2 else "Sure! Here you go"), None

    with Server(script=once_bad) as server:
        ask(tmp_path, server.url, make_slice(ONE, attributes=("background",)))
    answers = [json.loads(line) for line in (tmp_path / "prompts/.answers/mallard.jsonl").read_text().splitlines()]
    assert [answer["repair"] for answer in answers] == [0, 1] * 3
    assert record(tmp_path, "mallard")["settings"]["background/feasible"]["short"] == 0


def test_retry_after_is_honoured(tmp_path):
    times = []

    def busy_once(_path, body, number):
        import time

        times.append(time.monotonic())
        if len(times) == 1:
            return 429, {"error": {"message": "slow down"}}, {"Retry-After": "0.7"}
        return 200, completion(body, written(body)), None

    with Server(script=busy_once) as server:
        ask(tmp_path, server.url, make_slice(ONE, attributes=("texture",), judge={"enabled": False}))
    assert times[1] - times[0] >= 0.7


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """llama.cpp's own server on a tiny model with random weights: real wire, real grammar, nonsense answers."""
    import xllamacpp

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_tiny_gguf(path)
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(path), 8192, 2
    params.hostnames, params.port, params.warmup, params.offline = ["127.0.0.1"], 0, False, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(params)


def test_nonsense_of_a_real_server_is_read_checked_and_reported(llama, tmp_path):
    config = make_slice(
        ONE, attributes=("background",), count=2, attempts=1, repairs=0, max_tokens=300, judge={"enabled": False}
    )
    ask(tmp_path, f"{llama.listening_address}/v1", config, traffic={"timeout_seconds": 60})
    answers = [json.loads(line) for line in (tmp_path / "prompts/.answers/mallard.jsonl").read_text().splitlines()]
    assert len(answers) == 2
    assert all(answer["content"].startswith("{") for answer in answers)  # the grammar was enforced
    for found in record(tmp_path, "mallard")["settings"].values():
        assert found["accepted"] + found["short"] == 2
        assert found["accepted"] == 2 or found["refused"]


def test_azure_is_asked_at_its_deployment_with_its_own_header(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_KEY", "azure-canary")
    paths = []

    def script(path, body, _number):
        paths.append(path)
        return 200, completion(body, written(body)), None

    with Server(script=script) as server:
        endpoint = server.url.removesuffix("/v1")
        config = make_slice(ONE, attributes=("texture",))
        ask(tmp_path, endpoint, config, azure_api_version="2024-10-21", key_env="AZURE_KEY")
    assert set(paths) == {"/openai/deployments/m/chat/completions?api-version=2024-10-21"}


def test_requests_per_minute_are_bounded(tmp_path):
    import time

    times = []

    def script(_path, body, _number):
        times.append(time.monotonic())
        return 200, completion(body, written(body)), None

    with Server(script=script) as server:
        ask(tmp_path, server.url, make_slice(ONE), traffic={"requests_per_minute": 120, "concurrency": 8})
    assert len(times) == 9
    assert times[-1] - times[0] > 2.5  # two a second
