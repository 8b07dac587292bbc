"""Duplicates in meaning: the threshold is measured with the embedding model, once, and said."""

import json
import math

import pytest

from asking_kit import ask, make_slice, record, usage
from llm_server import Server, completion, written
from varireal.config.hosted import EmbeddingServer, OpenAIPrompts
from varireal.config.slices import ServerSlice
from varireal.errors import BackendError
from varireal.prompts.writing import duplicate_pairs, threshold_between

ONE = {"mallard": "mallard"}
PAIRS = duplicate_pairs()
CONCEPTS = {text: number for number, pair in enumerate(PAIRS["paraphrased"]) for text in pair}
OPTIONS = {"attributes": ("texture",), "embedding_model": "e", "attempts": 1, "judge": {"enabled": False}}


def meaning(text):
    """One direction per thing that is meant, and one for all that the writer writes; none is at a right angle."""
    vector = [0.3] * 52
    vector[CONCEPTS.get(text, 51)] += 1.0
    return vector


def reply(path, body, _number, vector=meaning):
    if path.endswith("/embeddings"):
        data = [{"index": n, "embedding": vector(text)} for n, text in enumerate(body["input"])]
        return 200, {"object": "list", "model": body["model"], "data": data, "usage": None}, None
    return 200, completion(body, written(body)), None


def test_the_pairs_are_those_that_are_promised():
    assert {kind: len(pairs) for kind, pairs in PAIRS.items()} == {"unrelated": 200, "paraphrased": 50}
    every = [frozenset(pair) for pairs in PAIRS.values() for pair in pairs]
    assert len(set(every)) == 250
    assert all(one != other for one, other in PAIRS["paraphrased"])
    meant = [{CONCEPTS[one], CONCEPTS[other]} for one, other in PAIRS["unrelated"]]
    assert all(len(pair) == 2 for pair in meant), "an unrelated pair says the same"


def test_what_means_the_same_is_refused_by_a_measured_threshold(tmp_path):
    with Server(script=reply) as server:
        ask(tmp_path, server.url, make_slice(ONE, **OPTIONS))
        embedded = list(server.calls)
        assert record(tmp_path, "mallard")["settings"]["texture/feasible"]["refused"] == {"same_meaning": 2}
        found = usage(tmp_path)["duplicates"]
        assert found["separate"]
        assert found["unrelated_passing"] == 0
        assert found["paraphrased_found"] == found["paraphrased"] == 50
        assert 0.84 < found["similarity"] < 0.99  # with this model unrelated texts have a cosine of 0.84
        ask(tmp_path, server.url, make_slice(ONE, **OPTIONS))
        assert len(server.calls) == len(embedded), "the pairs are asked for once"


def test_a_model_that_tells_nothing_apart_refuses_nothing_and_says_so(tmp_path, caplog):
    with Server(script=lambda *call: reply(*call, vector=lambda text: [1.0, 0.0])) as server:
        summary = ask(tmp_path, server.url, make_slice(ONE, **OPTIONS))
    assert record(tmp_path, "mallard")["settings"]["texture/feasible"]["refused"] == {}
    assert not usage(tmp_path)["duplicates"]["separate"]
    assert any("does not tell the two apart" in line for line in summary.lines)
    assert "does not tell the two apart" in caplog.text


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.9])
def test_at_most_one_in_a_hundred_unrelated_pairs_passes(overlap):
    unrelated = [0.5 * math.sin(n) ** 2 for n in range(200)]
    paraphrased = [0.6 - overlap + 0.3 * math.cos(n) ** 2 for n in range(50)]
    found = threshold_between("e", unrelated, paraphrased)
    assert found.unrelated_passing <= 2
    assert found.unrelated_passing == sum(cosine >= found.similarity for cosine in unrelated)
    assert found.separate == (overlap == 0.0)
    assert threshold_between("e", [1.0] * 200, [1.0] * 50).unrelated_passing == 0


def test_a_class_that_was_finished_by_the_fixed_number_stays(tmp_path, monkeypatch):
    with Server(script=reply) as server:
        with monkeypatch.context() as earlier:
            earlier.setattr("varireal.prompts.agenda.RULES", 1)
            ask(tmp_path, server.url, make_slice(ONE, **OPTIONS, embedding_similarity=1.0))
        before, asked = (tmp_path / "prompts/mallard.yaml").read_bytes(), len(server.calls)
        ask(tmp_path, server.url, make_slice(ONE, **OPTIONS, embedding_similarity=1.0))
        assert (tmp_path / "prompts/mallard.yaml").read_bytes() == before
        assert len(server.calls) == asked


def test_the_embedding_model_may_be_on_another_server_with_a_key_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("WRITES", "key-that-writes")
    monkeypatch.setenv("EMBEDS", "key-that-embeds")
    paths = {"writes": [], "embeds": []}

    def script(name):
        def answer(path, body, number):
            paths[name].append(path)
            return reply(path, body, number)

        return answer

    with (
        Server(script=script("writes"), keys=["key-that-writes"]) as one,
        Server(script=script("embeds"), keys=["key-that-embeds"]) as other,
    ):
        where = {"base_url": other.url, "key_env": "EMBEDS"}
        ask(tmp_path, one.url, make_slice(ONE, **OPTIONS), embedding=where, key_env="WRITES")
    assert set(paths["writes"]) == {"/v1/chat/completions"}
    assert set(paths["embeds"]) == {"/v1/embeddings"}
    spent = usage(tmp_path)["models"]
    assert spent["e"]["calls"] == len(paths["embeds"]) >= 3


@pytest.mark.parametrize(
    "vector",
    [lambda text: [], lambda text: [1.0] * len(text), lambda text: [float("1e999")]],
    ids=["none", "odd", "inf"],
)
def test_vectors_that_cannot_be_compared_end_in_one_line(tmp_path, vector):
    def script(path, body, number):
        status, value, headers = reply(path, body, number, vector)
        return status, json.dumps(value).replace("Infinity", "1e999").encode(), headers

    with (
        Server(script=script) as server,
        pytest.raises(BackendError, match=r"the embedding model 'e'.*leave") as caught,
    ):
        ask(tmp_path, server.url, make_slice(ONE, **OPTIONS))
    assert "\n" not in str(caught.value)


def test_a_server_without_the_model_is_named(tmp_path):
    def script(path, body, number):
        if path.endswith("/embeddings"):
            return 400, {"error": {"message": "this server has no embeddings"}}, None
        return reply(path, body, number)

    with Server(script=script) as server, pytest.raises(BackendError, match=r"'e' does not answer: .*no embeddings"):
        ask(tmp_path, server.url, make_slice(ONE, **OPTIONS))


def test_a_server_without_a_model_is_a_mistake_of_the_config():
    with pytest.raises(ValueError, match="embedding_server is given, but no embedding_model"):
        OpenAIPrompts(embedding_server=EmbeddingServer())
    assert "embedding" not in ServerSlice(server=OpenAIPrompts().server).for_keys()
