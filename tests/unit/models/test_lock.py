"""The lock: read, written, put into the config; and what tells weights apart."""

import json
import shutil

import numpy as np
import pytest
from model_folders import model, pipeline
from safetensors.numpy import load_file, save_file

from varireal.config.machine import ModelRef
from varireal.config.model import parse_config
from varireal.errors import BackendError, ConfigError
from varireal.models.catalog import ModelNeed, local_digest
from varireal.models.lock import Lock, LockedFile, LockedModel, locked, pinned, read_lock, write_lock
from varireal.study.layout import Layout
from varireal.tools.doctor import model_states

SHA, OTHER = "a" * 40, "b" * 40
INPAINT = "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"


def entry(revision=SHA, **more):
    return LockedModel(revision=revision, **more)


@pytest.fixture
def lock():
    file = LockedFile(size=3, sha256="0" * 64)
    return Lock(models={"org/b": entry(licence="mit", files={"unet/x.safetensors": file}), "org/a": entry(OTHER)})


def test_a_lock_survives_its_file_and_is_the_same_text_every_time(tmp_path, lock):
    path = tmp_path / "models.lock"
    write_lock(path, lock)
    first = path.read_bytes()
    assert read_lock(path) == lock
    write_lock(path, Lock(models=dict(reversed(lock.models.items()))))
    assert path.read_bytes() == first
    assert "unet/x.safetensors: {sha256: '0000" in first.decode()
    assert first.startswith(b"# The models of a study")


def test_no_lock_is_an_empty_one(tmp_path):
    assert read_lock(tmp_path / "models.lock") == Lock()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: {a/b: {revision: main}}", "models.a/b.revision"),
        ("{", "cannot be read"),
        ("- 1", "restore it"),
        ("version: 2", "version"),
        (
            f"models: {{a/b: {{revision: {SHA}, files: {{../../x: {{size: 1, sha256: {'0' * 64}}}}}}}}}",
            "inside its repo",
        ),
        (f"models: {{a/b: {{revision: {SHA}, files: {{/x: {{size: 1, sha256: {'0' * 64}}}}}}}}}", "inside its repo"),
    ],
)
def test_a_damaged_lock_is_told_in_one_line(tmp_path, text, told):
    path = tmp_path / "models.lock"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_lock(path)
    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_config_and_the_lock_must_agree():
    told = Lock(models={"org/x": entry(asked="v1")})
    for revision in (None, SHA, "v1"):
        assert locked(ModelRef(id="org/x", revision=revision), "k", told).revision == SHA
    with pytest.raises(ConfigError, match=r"k\.revision is 'v2', but the lock has org/x at v1, aaaa.*fetch --update"):
        locked(ModelRef(id="org/x", revision="v2"), "k", told)
    assert locked(ModelRef(id="org/y", revision="v2"), "k", told) is None


def test_the_locks_revisions_are_put_where_models_are_used():
    raw = {"edits": {"backend": "sdxl", "attributes": ["background"]}, "adapters": {"model": "org/clip"}}
    ids = (INPAINT, "org/clip", "SG161222/RealVisXL_V4.0")
    found = pinned(parse_config(raw), Lock(models={name: entry() for name in ids}))
    models = found.edits.sdxl.models
    assert models.inpaint.revision == SHA
    assert found.adapters.revision == SHA
    assert models.base.revision is None  # background edits do not use it: its entry must not run them again
    assert models.prior.revision is None  # not in the lock
    assert pinned(parse_config({}), Lock(models={INPAINT: entry()})) == parse_config({})


def test_a_changed_lock_runs_the_stages_again_that_use_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = {"edits": {"backend": "sdxl"}, "masks": {"backend": "grounded_sam2"}, "adapters": {"regimes": []}}
    stages = ("masks", "edits", "verdicts", "adapters")

    def digests():
        layout = Layout(parse_config(raw))
        return {stage: layout.key(stage) for stage in stages}

    before = digests()
    write_lock(tmp_path / "models.lock", Lock(models={INPAINT: entry(licence="openrail++")}))
    after = digests()
    assert {stage for stage in stages if before[stage] != after[stage]} == {"edits"}
    assert f'"revision": "{SHA}"' in Layout(parse_config(raw)).slice("edits")
    licences = json.loads(Layout(parse_config(raw)).slice("dataset"))["licences"]
    assert licences[INPAINT] == "openrail++"
    assert licences["facebook/sam2.1-hiera-large"] == "apache-2.0"


def test_a_lock_of_another_revision_is_found_before_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path / "models.lock", Lock(models={INPAINT: entry()}))
    models = {"inpaint": {"id": INPAINT, "revision": OTHER}}
    config = parse_config({"edits": {"backend": "sdxl", "sdxl": {"models": models}}, "adapters": {"regimes": []}})
    with pytest.raises(ConfigError, match=rf"edits\.sdxl\.models\.inpaint\.revision is '{OTHER}', but the lock has"):
        Layout(config).check()


def test_the_demo_does_not_look_at_a_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.lock").write_text("{")
    assert json.loads(Layout(parse_config({})).slice("dataset"))["licences"] == {}


def state_of(ref, lock=None):
    (state,) = model_states([ModelNeed("k", ref, ("masks",), "grounded_sam2")], lock or Lock(), verify=False)
    return state


def state_revision(ref):
    return state_of(ref).revision


def test_a_hub_model_is_told_by_config_or_lock():
    told = Lock(models={"org/x": entry()})
    assert state_of(ModelRef(id="org/x"), told).revision == SHA
    assert state_of(ModelRef(id="org/x", revision="v1")).revision == "v1"
    assert state_of(ModelRef(id="org/y"), told).revision is None


def test_a_local_model_is_told_by_all_of_its_tensors(tmp_path):
    folder = model(tmp_path / "model", size=4096)
    ref = ModelRef(id=str(folder))
    first = state_revision(ref)
    assert first.startswith("local-")
    assert state_revision(ModelRef(id=str(shutil.copytree(folder, tmp_path / "copy")))) == first
    tensors = load_file(folder / "model.safetensors")
    for name in tensors:  # a fine-tuned copy has the same names, shapes and file size
        save_file(tensors | {name: tensors[name] + np.float32(1e-3)}, folder / "model.safetensors")
        assert state_revision(ref) != first
    save_file(tensors, folder / "model.safetensors")
    assert state_revision(ref) == first
    (folder / "config.json").write_text('{"a": 1}')
    assert state_revision(ref) != first


def test_a_part_of_a_local_pipeline_counts(tmp_path):
    folder = pipeline(tmp_path / "pipe")
    first = state_revision(ModelRef(id=str(folder)))
    (folder / "scheduler" / "scheduler_config.json").write_text('{"steps": 1}')
    assert state_revision(ModelRef(id=str(folder))) != first
    file = folder / "sd_xl_base_1.0.safetensors"
    assert state_revision(ModelRef(id=str(file))).startswith("local-")


def test_a_local_model_that_is_damaged_is_told(tmp_path):
    folder = model(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"not what it says")
    state = state_of(ModelRef(id=str(folder)))
    assert (state.state, state.revision) == ("unusable", None)
    assert "is not a whole safetensors file" in state.problem
    shutil.rmtree(folder)
    with pytest.raises(BackendError, match=r"k\.id: .* cannot be read"):
        local_digest(ModelRef(id=str(folder)), "k")
