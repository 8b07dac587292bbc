"""``doctor`` and ``fetch`` as commands, with local models; the hub is in ``models/test_fetching``."""

import json
import logging

import pytest
import yaml
from safetensors.numpy import load_file, save_file

from varireal.cli import main
from varireal.config.model import parse_config
from varireal.tools import models
from varireal.tools.models import table


@pytest.fixture
def study(tmp_path, monkeypatch, tiny_model):
    """A study with real tiny models by their folders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    raw = {
        "masks": {
            "backend": "grounded_sam2",
            "grounded_sam2": {
                "detector": {"id": str(tiny_model("grounding_dino"))},
                "segmenter": {"id": str(tiny_model("sam2"))},
            },
        },
        "machine": {"device": "cpu"},
        "adapters": {"regimes": []},
    }

    def write(**changes):
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(raw | changes))
        return ["--configfile", "study.yaml"]

    return write


def told(caplog):
    return "\n".join(record.getMessage() for record in caplog.records)


def test_the_demo_needs_no_model(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO):
        config = parse_config({"adapters": {"regimes": []}})
        lines = list(models.report_lines(models.examine(config, verify=False)))
    assert lines[0] == "the study needs no model with weights of its own: all its backends are embedded"
    assert lines[-1] == "ok: a run can start"


def test_doctor_says_ok(study, capfd):
    assert main(["doctor", *study()]) == 0
    text = capfd.readouterr().err
    assert "masks.grounded_sam2.detector  " in text
    assert text.count("present") == 2
    assert "device    cpu, " in text
    assert "extra     diffusion (grounded_sam2): installed" in text
    assert text.rstrip().endswith("ok: a run can start")


def test_doctor_as_json(study, capfd):
    assert main(["doctor", "--json", *study()]) == 0
    found = json.loads(capfd.readouterr().out)
    kinds = {model["key"]: model["kind"] for model in found["models"]}
    assert kinds["masks.grounded_sam2.detector"] == "GroundingDinoForObjectDetection"
    assert kinds["masks.grounded_sam2.segmenter"] == "Sam2Model"
    assert (found["problems"], found["device"]["dtype"], found["token_set"]) == ([], "float32", False)
    assert all(model["revision"].startswith("local-") for model in found["models"])


def test_doctor_ends_with_one_line_on_what_is_missing(study, capfd, tmp_path, tiny_model):
    masks = {"backend": "grounded_sam2", "grounded_sam2": {"segmenter": {"id": "./nowhere"}}}
    masks["grounded_sam2"]["detector"] = {"id": str(tiny_model("grounding_dino")), "variant": "fp16"}
    assert main(["doctor", *study(masks=masks)]) == 2
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("error: doctor: a run cannot start: masks.grounded_sam2.detector.variant: ")
    assert last.endswith("(and 1 more)")


def test_doctor_sees_a_cut_file(study, capfd, tmp_path, tiny_model):
    import shutil

    folder = shutil.copytree(tiny_model("sam2"), tmp_path / "sam2")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-100])
    masks = {"backend": "grounded_sam2", "grounded_sam2": {"segmenter": {"id": str(folder)}}}
    masks["grounded_sam2"]["detector"] = {"id": str(tiny_model("grounding_dino"))}
    assert main(["doctor", *study(masks=masks)]) == 2
    assert (
        "model.safetensors is not a whole safetensors file (it is cut off); fetch it again" in capfd.readouterr().err
    )
    save_file(load_file(tiny_model("sam2") / "model.safetensors"), folder / "model.safetensors")
    assert main(["doctor", *study(masks=masks)]) == 0


def test_doctor_says_which_key_is_not_set_and_shows_none(study, capfd, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_mysecret")
    words = study(verdicts={"judge": "openai"})
    assert main(["doctor", *words]) == 2
    assert "OPENAI_API_KEY is not set" in capfd.readouterr().err
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mysecret")
    assert main(["doctor", *words]) == 0
    assert main(["doctor", "--json", *words]) == 0
    text = "".join(capfd.readouterr())
    assert "mysecret" not in text
    assert '"token_set": true' in text


def test_fetch_has_nothing_to_do_for_local_models(study, capfd, tmp_path):
    assert main(["fetch", *study()]) == 0
    text = capfd.readouterr().err
    assert text.count("is a local path; nothing to fetch") == 2
    assert not (tmp_path / "models.lock").exists()


def test_a_damaged_lock_is_told(study, capfd, tmp_path):
    (tmp_path / "models.lock").write_text("{")
    words = study(masks={"backend": "matting"})
    for command in ("doctor", "fetch"):
        assert main([command, *words]) == 2
        assert "models.lock cannot be read" in capfd.readouterr().err.splitlines()[-1]


def test_columns_are_aligned():
    assert list(table(("a", "b"), [("long", "x"), ("y", "longer")])) == ["a     b", "long  x", "y     longer"]
