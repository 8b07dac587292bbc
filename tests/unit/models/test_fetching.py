"""``varireal fetch`` against a real hub server, each time in a process of its own, as users run it."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from huggingface_hub import constants
from model_folders import model, names_of, pipeline, weights

from hub_server import Hub
from kit import started_environment
from varireal.config.machine import ModelRef
from varireal.models.fetching import find_model
from varireal.models.lock import read_lock

SAM, DINO = "org/sam", "org/dino"
OTHER = "e" * 64
SECRET = "hf_" + "x1Y" * 8


@pytest.fixture
def hub():
    with Hub() as server:
        yield server


class Desk:
    """A folder with a config, and a hub's cache of its own."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.home = folder / "home"
        self.configure(sam={"id": SAM})

    def configure(self, **models):
        chosen = {"detector": models.get("dino", {"id": str(self.local())}), "segmenter": models["sam"]}
        raw = {"masks": {"backend": "grounded_sam2", "grounded_sam2": chosen}, "adapters": {"regimes": []}}
        raw["machine"] = {"device": "cpu"}
        (self.folder / "study.yaml").write_text(yaml.safe_dump(raw))

    def local(self):
        folder = self.folder / "local"
        return folder if folder.exists() else model(folder)

    def run(self, *words, **environment):
        return self._done("varireal", *words, "--configfile", "study.yaml", **environment)

    def python(self, *words, **environment):
        return self._done(sys.executable, *words, **environment)

    def _done(self, *command, **environment):
        values = {"HF_ENDPOINT": self.url, "HF_HOME": str(self.home), "HF_HUB_OFFLINE": "0", "NO_PROXY": "*"}
        inherited = started_environment()  # nothing of the hub's library is loaded before the command is
        kept = {name: value for name, value in inherited.items() if name not in ("HF_TOKEN", "HF_HUB_CACHE")}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=kept | values | environment,
            capture_output=True,
            text=True,
        )
        return SimpleNamespace(code=done.returncode, text=done.stderr, out=done.stdout)

    def fetch(self, *words, **environment):
        return self.run("fetch", *words, **environment)

    @property
    def lock(self):
        return read_lock(self.folder / "models.lock")

    def cached(self, name, sha):
        return self.home / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / sha


@pytest.fixture
def desk(tmp_path, hub):
    return Desk(tmp_path, hub.url)


@pytest.fixture
def sam(hub, tmp_path):
    """The repository that the config names, and its commit."""
    folder = model(tmp_path / "sam", size=5000)
    return SimpleNamespace(folder=folder, sha=hub.add(SAM, folder))


def test_what_is_needed_comes_into_the_cache_and_the_lock(hub, desk, sam):
    done = desk.fetch()
    assert done.code == 0, done.text
    assert "org/sam  " + sam.sha[:12] in done.text
    assert "apache-2.0" in done.text
    assert f"{desk.folder / 'local'} is a local path; nothing to fetch" in done.text
    wanted = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]
    assert names_of(desk.cached(SAM, sam.sha)) == wanted
    entry = desk.lock.models[SAM]
    assert (entry.revision, entry.licence, entry.gated, entry.asked) == (sam.sha, "apache-2.0", False, None)
    assert sorted(entry.files) == wanted
    for name, file in entry.files.items():
        told = hub.commits[SAM, sam.sha][name]
        assert (file.size, file.sha256) == (len(told.data), told.sha256)
    before = (desk.folder / "models.lock").read_bytes(), len(hub.downloads())
    again = desk.fetch()
    assert (again.code, "was there" in again.text) == (0, True)
    assert ((desk.folder / "models.lock").read_bytes(), len(hub.downloads())) == before


def test_afterwards_everything_works_without_a_network(hub, desk, tmp_path, tiny_model, monkeypatch):
    from transformers import AutoModelForMaskGeneration

    from varireal.models.device import find_device
    from varireal.models.loading import load_transformers

    sha = hub.add(SAM, tiny_model("sam2"))
    assert desk.fetch().code == 0
    hub.shutdown()
    hub.server_close()
    done = desk.run("doctor", "--verify", HF_HUB_OFFLINE="1")
    assert done.code == 0, done.text
    assert "present, hashes compared" in done.text
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(desk.home / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    from varireal.config.machine import MachineConfig

    device = find_device(MachineConfig(device="cpu"))
    for ref in (ModelRef(id=SAM, revision=sha), ModelRef(id=SAM)):
        loaded = load_transformers(AutoModelForMaskGeneration, ref, "k", device=device)
        assert type(loaded).__name__ == "Sam2Model"
    (desk.cached(SAM, sha) / "config.json").unlink()
    with pytest.raises(Exception, match=r"1 files are missing, such as config\.json, and HF_HUB_OFFLINE is set"):
        find_model(ModelRef(id=SAM), "k")


def test_a_job_that_finds_no_model_fetches_it_and_the_next_one_needs_no_network(hub, desk, sam):
    script = (
        "import sys; from varireal.config.machine import ModelRef; from varireal.models.fetching import find_model; "
        "sys.stdout.write(str(find_model(ModelRef(id=sys.argv[1]), 'some.key')))"
    )
    first = desk.python("-c", script, SAM)
    assert (first.code, first.out) == (0, str(desk.cached(SAM, sam.sha))), first.text
    assert "some.key: the model 'org/sam' is not in " in first.text
    assert "it is fetched now" in first.text
    second = desk.python("-c", script, SAM, HF_HUB_OFFLINE="1")
    assert (second.code, second.out, second.text) == (0, first.out, "")
    assert desk.python("-c", script, "org/nothing").code == 1


def test_of_a_pipeline_only_one_precision_of_its_parts(hub, desk, tmp_path):
    sha = hub.add("org/pipe", pipeline(tmp_path / "pipe"))
    desk.configure(sam={"id": "org/pipe", "variant": "fp16"})
    assert desk.fetch().code == 0
    assert names_of(desk.cached("org/pipe", sha)) == [
        "LICENSE.md",
        "README.md",
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    ]
    assert desk.lock.models["org/pipe"].licence == "openrail++"


def test_a_cut_connection_is_taken_up_where_it_broke(hub, desk, tmp_path):
    folder = model(tmp_path / "large", size=700_000)  # 25 MB; the library keeps what came in pieces of 10 MiB
    sha = hub.add(SAM, folder)
    hub.cuts[SAM, "model.safetensors"] = 1
    done = desk.fetch()
    assert done.code == 0, done.text
    assert [span for name, span in hub.downloads() if name == "model.safetensors"] == [None, f"bytes={10 << 20}-"]
    file = desk.cached(SAM, sha) / "model.safetensors"
    assert file.read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_server_that_fails_for_a_while_is_asked_again(hub, desk, sam):
    hub.errors[SAM, "config.json"] = [503, 500, 503]
    assert desk.fetch().code == 0
    assert hub.errors[SAM, "config.json"] == []


def test_the_lock_decides_until_it_is_told_to_move(hub, desk, sam):
    assert desk.fetch().code == 0
    newer = hub.add(SAM, model(sam.folder, seed=1, size=5000))
    assert newer != sam.sha
    assert desk.fetch().code == 0
    assert desk.lock.models[SAM].revision == sam.sha
    moved = desk.fetch("--update")
    assert moved.code == 0
    assert desk.lock.models[SAM].revision == newer
    assert newer[:12] in moved.text


def test_the_lock_grows_by_what_is_new(hub, desk, sam, tmp_path):
    assert desk.fetch().code == 0
    old = desk.lock.models[SAM]
    hub.add(DINO, model(tmp_path / "dino", licence="mit"))
    weights(sam.folder / "model.fp16.safetensors")
    desk.configure(sam={"id": SAM}, dino={"id": DINO})
    assert desk.fetch().code == 0
    assert desk.lock.models[SAM] == old
    assert desk.lock.models[DINO].licence == "mit"


def test_a_tag_is_resolved_once_and_a_commit_is_taken_as_it_is(hub, desk, sam):
    tagged = hub.add(SAM, model(sam.folder, seed=3), ref="v1")
    desk.configure(sam={"id": SAM, "revision": "v1"})
    assert desk.fetch().code == 0
    assert (desk.lock.models[SAM].revision, desk.lock.models[SAM].asked) == (tagged, "v1")
    hub.add(SAM, model(sam.folder, seed=4), ref="v1")  # somebody moves the tag
    assert desk.fetch().code == 0
    assert desk.lock.models[SAM].revision == tagged
    desk.configure(sam={"id": SAM, "revision": sam.sha})
    done = desk.fetch()
    assert done.code == 2
    assert f"revision is '{sam.sha}', but the lock has org/sam at v1, {tagged}" in done.text
    assert desk.fetch("--update").code == 0
    assert (desk.lock.models[SAM].revision, desk.lock.models[SAM].asked) == (sam.sha, None)


def test_a_gated_model_says_what_to_do_and_the_token_is_never_shown(hub, desk, sam, tmp_path):
    hub.gated[SAM] = {SECRET}
    hub.add(DINO, model(tmp_path / "dino"))
    desk.configure(sam={"id": SAM}, dino={"id": DINO})
    done = desk.fetch()
    assert done.code == 2
    assert "'org/sam' is gated, and HF_TOKEN is not set" in done.text
    assert "accept its terms on its page" in done.text
    assert list(desk.lock.models) == [DINO]  # the other one is there all the same
    wrong = desk.fetch(HF_TOKEN="hf_nobody")
    assert (wrong.code, "the account of HF_TOKEN has not been let in" in wrong.text) == (2, True)
    right = desk.fetch(HF_TOKEN=SECRET)
    assert right.code == 0
    assert desk.lock.models[SAM].gated is True
    for text in (done.text, wrong.text, right.text, (desk.folder / "models.lock").read_text()):
        assert SECRET not in text
        assert "hf_nobody" not in text


def test_a_token_on_the_disk_is_not_used(hub, desk, sam):
    hub.gated[SAM] = {SECRET}
    (desk.home).mkdir()
    (desk.home / "token").write_text(SECRET)
    assert desk.fetch().code == 2
    assert {token for *_, token in hub.requests} == {""}


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ({"id": "org/nothing"}, "segmenter.id: the hub has no model 'org/nothing', or does not show it"),
        ({"id": SAM, "revision": "v9"}, "segmenter.revision: 'org/sam' has no commit, branch or tag 'v9'"),
        ({"id": SAM, "variant": "fp16"}, "segmenter.variant: 'org/sam' has no weights of the variant 'fp16'"),
        ({"id": "org/pickled"}, "holds no .safetensors file, only weights as .bin"),
    ],
)
def test_what_cannot_be_had_is_told_in_one_line(hub, desk, sam, tmp_path, ref, told):
    pickled = model(tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    hub.add("org/pickled", pickled)
    desk.configure(sam=ref)
    done = desk.fetch()
    assert done.code == 2
    assert told in done.text.splitlines()[-1]
    assert "Traceback" not in done.text
    assert not (desk.folder / "models.lock").exists()
    assert not [name for name, _ in hub.downloads() if name.endswith(".bin")]


def test_a_file_that_is_not_what_the_hub_says_is_refused_and_removed(hub, desk, sam):
    data = (sam.folder / "model.safetensors").read_bytes()
    hub.swapped[SAM, "model.safetensors"] = data[:-1] + bytes([data[-1] ^ 1])
    done = desk.fetch()
    assert done.code == 2
    assert "model.safetensors of 'org/sam' is not what the hub says" in done.text
    assert not (desk.cached(SAM, sam.sha) / "model.safetensors").exists()
    assert not (desk.folder / "models.lock").exists()
    hub.swapped.clear()
    assert desk.fetch().code == 0


def test_a_changed_config_is_seen_by_gits_own_id(hub, desk, sam):
    hub.swapped[SAM, "config.json"] = (sam.folder / "config.json").read_bytes().replace(b"sam2", b"sam3")
    done = desk.fetch()
    assert done.code == 2
    assert "config.json of 'org/sam' is not what the hub says: expected" in done.text


def test_a_file_that_was_damaged_in_the_cache_is_fetched_afresh(hub, desk, sam):
    assert desk.fetch().code == 0
    path = (desk.cached(SAM, sam.sha) / "model.safetensors").resolve()
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    seen = desk.run("doctor", "--verify", HF_HUB_OFFLINE="1")
    assert (seen.code, "damaged" in seen.text) == (2, True)
    assert "model.safetensors of org/sam is not the file that was fetched" in seen.text
    assert desk.fetch().code == 0
    assert path.read_bytes() == data


def test_a_hub_that_gives_other_files_for_a_locked_commit_is_refused(hub, desk, sam):
    assert desk.fetch().code == 0
    lock = (desk.folder / "models.lock").read_text()
    told = desk.lock.models[SAM].files["model.safetensors"].sha256
    (desk.folder / "models.lock").write_text(lock.replace(told, OTHER))
    count = len(hub.downloads())
    done = desk.fetch()
    assert done.code == 2
    assert "model.safetensors of 'org/sam'" in done.text
    assert "is not the file of the lock" in done.text
    assert len(hub.downloads()) == count
    small = desk.lock.models[SAM].files["config.json"].sha256
    (desk.folder / "models.lock").write_text(lock.replace(small, OTHER))
    done = desk.fetch()
    assert done.code == 2
    assert f"config.json of 'org/sam' has SHA-256 {small}, the lock says {OTHER}" in done.text


def test_a_model_at_two_revisions_is_refused(hub, desk, sam):
    desk.configure(sam={"id": SAM}, dino={"id": SAM, "revision": sam.sha})
    done = desk.fetch()
    assert done.code == 2
    assert "org/sam is asked for at two revisions" in done.text


def test_no_network_is_told(desk):
    desk.url = "http://127.0.0.1:9"
    done = desk.fetch(HF_HUB_ETAG_TIMEOUT="1")
    assert (done.code, "cannot be fetched from the hub" in done.text) == (2, True)
    done = desk.fetch(HF_HUB_OFFLINE="1")
    assert (done.code, "while HF_HUB_OFFLINE is set" in done.text) == (2, True)


def test_a_disk_without_space_is_seen_before_the_first_byte(hub, desk, sam, monkeypatch, tmp_path):
    """The check, in this process: the free space cannot be set from outside."""
    from varireal.errors import BackendError
    from varireal.models import fetching

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "free_bytes", lambda _: 5 * 10**9)
    fetching.check_space(5 * 10**9)
    with pytest.raises(BackendError, match=r"7\.5 GB are to be downloaded, but .*cache has 5\.0 GB left; .*HF_HOME"):
        fetching.check_space(int(7.5e9))
    monkeypatch.undo()
    assert fetching.free_bytes(tmp_path / "no" / "folder" / "yet") > 0


def test_doctor_before_and_after(hub, desk, sam):
    before = desk.run("doctor")
    assert before.code == 2
    assert "segmenter: org/sam is not in the cache; run 'varireal fetch'" in before.text
    assert desk.fetch().code == 0
    (desk.folder / "models.lock").rename(desk.folder / "kept")
    loose = desk.run("doctor", "--json")
    told = json.loads(loose.out)
    states = {entry["key"]: entry for entry in told["models"]}
    found = states["masks.grounded_sam2.segmenter"]
    assert (loose.code, found["state"], found["revision"], found["locked"]) == (0, "present", sam.sha, False)
    assert found["licence"] == "unknown"  # nobody knows org/sam but its lock
    assert any("'varireal fetch' pins its revision" in note for note in told["notes"])
    assert states["masks.grounded_sam2.detector"]["local"] is True
    (desk.folder / "kept").rename(desk.folder / "models.lock")
    (desk.cached(SAM, sam.sha) / "config.json").unlink()
    lacking = desk.run("doctor")
    assert (lacking.code, "incomplete" in lacking.text) == (2, True)
    assert "1 of 4 files of org/sam are missing, such as config.json" in lacking.text
