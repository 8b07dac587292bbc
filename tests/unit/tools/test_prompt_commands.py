import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from llm_server import Server
from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.errors import ConfigError
from varireal.prompts.bank import load_bank, prompts_for
from varireal.prompts.class_file import read_class_file
from varireal.stages.prompts import run_asked
from varireal.study.layout import Layout
from varireal.tools import prompts

STUDY = {
    "study": {"name": "llm"},
    "images": {"demo": {"species": ["mallard", "flamingo"], "train": 1, "val": 1, "test": 1}},
    "prompts": {"source": "openai", "openai": {"model": "m", "count": 3}},
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study whose prompts can be written, and a function that writes them."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "study.yaml"

    def write(url, **server):
        STUDY["prompts"]["openai"]["server"] = {"base_url": url, **server}
        path.write_text(yaml.safe_dump(STUDY))
        layout = Layout(parse_config(STUDY))
        slices = stage_slices(layout.config, layout.classes)
        (tmp_path / "server.json").write_text(slice_text(slices["server"]))
        if url:
            options = {
                "server": tmp_path / "server.json",
                "store": tmp_path / layout.paths.store("prompts"),
                "output": tmp_path / layout.paths.prompts_folder,
            }
            with ThreadPoolExecutor(1) as pool:  # a browser test may have left an event loop in this thread
                pool.submit(run_asked, slices["prompts"], **options).result()

    write.path = path
    return write


def lines(caplog, command, **options):
    caplog.clear()
    caplog.set_level(logging.INFO)
    assert command(**options) == 0
    return [entry.getMessage() for entry in caplog.records if entry.name == "varireal.tools.prompts"]


def test_the_plan_counts_calls_tokens_and_price_and_sends_nothing(study, caplog):
    with Server() as server:
        study(server.url, prices={"m": {"input": 1.0, "output": 10.0}})
        asked = len(server.calls)
        told = lines(caplog, prompts.plan, configfile=[study.path])
        assert len(server.calls) == asked == 2 * 9
    assert told[1] == "at least 0 calls to make, 18 answers are kept already"


def test_the_plan_of_a_new_study(study, caplog, tmp_path):
    study.path.write_text(
        yaml.safe_dump(
            STUDY | {"prompts": {"source": "openai", "openai": {"model": "m", "server": {"prices": {"m": PRICE}}}}}
        )
    )
    told = lines(caplog, prompts.plan, configfile=[study.path])
    assert told[:2] == [
        "2 classes, 6 settings, 10 prompts each",
        "at least 18 calls to make, 0 answers are kept already",
    ]
    assert "write: m, about" in told[2]
    assert "$" in told[2]
    assert "judge: m, about" in told[3]
    assert not (tmp_path / "results").exists()


PRICE = {"input": 1.0, "output": 2.0}


def test_review_lists_disagreements_and_edits_until_they_are_approved(study, caplog):
    with Server() as server:
        study(server.url)
        path = study.path.parent / "results/llm/prompts/mallard.yaml"
        path.write_text(path.read_text().replace("judge: feasible", "judge: infeasible\n      status: review", 1))
        told = lines(caplog, prompts.review, configfile=[study.path])
        assert "feasible, a second opinion says infeasible" in told[0]
        assert told[-1].startswith("1 to look at; edit or delete a prompt, or write 'status: approved'")
        path.write_text(path.read_text().replace("status: review", "status: approved"))
        study(server.url)  # written again
    assert lines(caplog, prompts.review, configfile=[study.path])[-1] == "0 to look at"
    assert "status: approved" in path.read_text()


def test_frozen_prompts_are_a_bank_that_needs_no_model(study, caplog, tmp_path):
    with Server() as server:
        study(server.url)
    bank = tmp_path / "mine.yaml"
    lines(caplog, prompts.freeze, configfile=[study.path], output=bank)
    loaded = load_bank(bank)
    for class_id in ("mallard", "flamingo"):
        written = read_class_file(tmp_path / f"results/llm/prompts/{class_id}.yaml")
        frozen = prompts_for(loaded, class_id, class_id)
        assert [(p.prompt_id, p.text, p.rgb) for p in frozen] == [(p.prompt_id, p.text, p.rgb) for p in written]
    with pytest.raises(ConfigError, match="exists already"):
        prompts.freeze(configfile=[study.path], output=bank)


def test_commands_say_what_is_missing(study, tmp_path):
    study.path.write_text(yaml.safe_dump({"study": {"name": "x"}}))
    with pytest.raises(ConfigError, match="nothing is asked"):
        prompts.plan(configfile=[study.path])
    with pytest.raises(ConfigError, match="run the workflow first"):
        prompts.review(configfile=[study.path])
