"""Finding a model: local paths, the cache, and what is told when it is nowhere."""

import json

import pytest
from huggingface_hub import constants
from model_folders import model

from varireal.config.machine import ModelRef, is_local
from varireal.errors import BackendError
from varireal.models.cache import find_cached, is_commit
from varireal.models.fetching import find_model

KEY = "edits.sdxl.models.vae"
SHA = "c" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


def placed(cache, sha=SHA, branch=None):
    """A model in the cache as other programs leave it there, without a list of the repository's files."""
    storage = cache / "models--org--x"
    model(storage / "snapshots" / sha)
    if branch:
        (storage / "refs").mkdir(exist_ok=True)
        (storage / "refs" / branch).write_text(sha)
    return storage / "snapshots" / sha


def test_paths_and_ids(tmp_path):
    (tmp_path / "a").mkdir()
    local = [str(tmp_path), "./x/y", "~/x", "one", "a/b/c"]
    assert [is_local(ModelRef(id=name)) for name in [*local, "org/name"]] == [True] * 5 + [False]
    assert find_model(ModelRef(id=str(tmp_path)), KEY) == tmp_path
    with pytest.raises(
        BackendError, match=rf"^{KEY}\.id: there is no './nothing'; expected a folder or file, or a hub"
    ):
        find_model(ModelRef(id="./nothing"), KEY)


def test_a_revision_or_a_branch_in_the_cache_is_found(cache):
    folder = placed(cache, branch="main")
    assert find_model(ModelRef(id="org/x"), KEY) == folder
    assert find_model(ModelRef(id="org/x", revision=SHA), KEY) == folder
    found = find_cached(ModelRef(id="org/x"), KEY)
    assert (found.revision, found.missing) == (SHA, ())
    assert find_cached(ModelRef(id="org/x", revision="d" * 40), KEY) is None
    assert find_cached(ModelRef(id="org/x", revision="v1"), KEY) is None


def test_a_card_that_was_not_fetched_is_no_reason_to_stop(cache):
    folder = placed(cache, branch="main")
    trees = cache / "models--org--x" / "trees" / f"{SHA}.json"
    trees.parent.mkdir()
    names = [path.name for path in folder.iterdir()] + ["LICENSE"]
    files = {name: {"size": 1, "blob_id": "e" * 40} for name in names}
    trees.write_text(json.dumps({"format_version": 1, "files": files}))
    (folder / "README.md").unlink()
    assert find_model(ModelRef(id="org/x"), KEY) == folder
    (folder / "config.json").unlink()
    assert find_cached(ModelRef(id="org/x"), KEY).missing == ("config.json",)


def test_what_is_nowhere_says_what_to_do(cache):
    with pytest.raises(BackendError) as caught:
        find_model(ModelRef(id="org/x", revision="v1"), KEY)
    message = str(caught.value)
    assert message.startswith(f"{KEY}: the model 'org/x' at v1 is not in {cache}, and HF_HUB_OFFLINE is set; run ")
    assert "'varireal fetch'" in message


def test_a_cache_with_pickled_weights_only_is_refused(cache):
    (placed(cache, branch="main") / "model.safetensors").unlink()
    with pytest.raises(BackendError, match=r"holds no \.safetensors file, only weights as \.bin"):
        find_model(ModelRef(id="org/x"), KEY)


def test_commits():
    assert is_commit(SHA)
    assert not any(is_commit(name) for name in ("main", "v1", None, SHA[:7], SHA.upper()))
