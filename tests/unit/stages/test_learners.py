"""A learner of another package trains and scores: the class with the nearest mean colour, in numpy."""

import json
import sys

import classifier_study as made
import numpy as np
import pytest
from safetensors.numpy import load_file

from varireal.classifiers.base import Learner
from varireal.config.adapters import AdaptersConfig, StatisticsConfig
from varireal.config.model import parse_config
from varireal.config.regimes import ZERO_SHOT
from varireal.config.slices import ReportSlice, stage_slices
from varireal.config.study import ReportConfig
from varireal.core.paths import ADAPTER_FILES, parse_run
from varireal.core.registry import has_zero_shot, load_backend
from varireal.errors import BackendError, ConfigError, DataError
from varireal.reporting.study_results import read_results
from varireal.running import stopping
from varireal.stages import adapters, predictions
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import PREDICTIONS
from varireal.study.jobs import Shape
from varireal.study.layout import Layout

RUNS = ("real/seed0", "real+synthetic-color-feasible/seed0")

MODULE = '''
import numpy as np
from safetensors.numpy import load, save

from varireal.classifiers.base import Log, Trained


class NearestColour:
    """Mean colour of each class; one picture a step, so that it can be interrupted anywhere."""

    name, version, fingerprint, device = "colour", 1, "", "cpu"
    trained = []

    def __init__(self, warmth=0.05):
        if not isinstance(warmth, float):
            raise ValueError("warmth must be a number")
        self.warmth, self.means = warmth, None
        self.facts = {"Warmth": warmth}

    def train(self, task, saved, keep):
        pictures = [*task.pool.real, *task.pool.synthetic]
        sums, step = np.zeros((len(task.classes), 4)), 0
        if saved is not None:
            state = load(saved)
            sums, step = state["sums"], int(state["step"])
        for step in range(step, len(pictures)):
            picture = pictures[step]
            self.trained.append(picture.key)
            sums[picture.label] += [*picture.load().mean((0, 1)) / 255, 1]
            if keep.due:
                keep(save({"sums": sums, "step": np.array(step + 1)}))
        means = sums[:, :3] / np.maximum(sums[:, 3:], 1)
        return Trained(save({"means": means}), {"warmth": self.warmth}, Log(chosen_step=len(pictures)), "float64")

    def load(self, weights):
        tensors = load(weights)
        if "means" not in tensors:
            raise ValueError("no means of colours")
        self.means = tensors["means"]

    def probabilities(self, pictures, classes):
        colours = np.stack([picture.load().mean((0, 1)) / 255 for picture in pictures])
        far = np.square(colours[:, None] - self.means).sum(2)
        scores = np.exp(-far / self.warmth)
        return scores / scores.sum(1, keepdims=True)
'''


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package with the learner ``colour``; gives a function that takes module and entry points."""

    def make(module=MODULE, words="", version="1.0"):
        site = tmp_path / "site"
        info = site / f"colours-{version}.dist-info"
        info.mkdir(parents=True)
        (site / "colours_pkg.py").write_text(module)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: colours\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[varireal.learners]\ncolour = colours_pkg:NearestColour{words}\n")
        monkeypatch.syspath_prepend(site)

    yield make
    sys.modules.pop("colours_pkg", None)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return made.write_study(tmp_path_factory.mktemp("study"))


def train(study, output, *runs, store=None, **changes):
    return adapters.run(
        made.adapters_slice(learner="colour", **changes), study=study, images=made.images_table(study), runs=runs,
        store=store or output / "a.sqlite", output=output / "adapters",
    )  # fmt: skip


def score(study, output, *runs, store=None, **changes):
    return predictions.run(
        made.predictions_slice(learner="colour", **changes), images=made.images_table(study),
        adapters=output / "adapters", runs=runs, store=store or output / "p.sqlite", output=output / "predictions",
    )  # fmt: skip


def test_it_trains_and_scores_what_the_stages_give_it(install, study, tmp_path):
    install()
    assert train(study, tmp_path, *RUNS).computed == 2
    for name in RUNS:
        folder = tmp_path / "adapters" / name
        assert sorted(path.name for path in folder.iterdir()) == sorted(ADAPTER_FILES)
        facts = json.loads((folder / "training.json").read_text())
        assert (facts["learner"], facts["about"]) == ("colour 1.0", {"Warmth": 0.05})
        assert (facts["dtype"], facts["device"], facts["log"]["losses"]) == ("float64", "cpu", [])
        assert not {"model", "lora", "training"} & facts.keys()
        assert json.loads((folder / "adapter_config.json").read_text()) == {"warmth": 0.05}
    means = load_file(tmp_path / "adapters" / RUNS[0] / ADAPTER_FILES[0])["means"]
    real = [np.mean([made.decode(f"{name} {n}").mean((0, 1)) / 255 for n in (0, 1)], 0) for name in made.CLASSES]
    assert means == pytest.approx(np.array(real))
    assert score(study, tmp_path, *RUNS).counts == {"ok": 12}
    rows = tables.read(tmp_path / "predictions" / f"{RUNS[0]}.parquet", PREDICTIONS)
    assert [row["top1"] for row in rows] == [row["label"] for row in rows]  # pink and green are easily told
    assert [sum(row["probabilities"]) for row in rows] == pytest.approx([1] * 6)


def test_nothing_is_done_twice_and_what_counts_is_done_again(install, study, tmp_path):
    install()
    train(study, tmp_path, RUNS[0])
    score(study, tmp_path, RUNS[0])
    assert train(study, tmp_path, RUNS[0]).computed == score(study, tmp_path, RUNS[0]).computed == 0
    # CLIP's keys are not this learner's
    assert train(study, tmp_path, RUNS[0], lora=made.LoraSettings(r=2)).computed == 0
    assert train(study, tmp_path, RUNS[0], options={"warmth": 0.5}).computed == 1
    assert score(study, tmp_path, RUNS[0], options={"warmth": 0.5}).computed == 1


def test_another_version_of_its_package_is_another_learner(install, study, tmp_path):
    install(version="1.0")
    train(study, tmp_path, RUNS[0])
    metadata = tmp_path / "site" / "colours-1.0.dist-info"
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.1\n")
    metadata.rename(metadata.with_name("colours-1.1.dist-info"))
    assert train(study, tmp_path, RUNS[0]).computed == 1


def test_a_stopped_training_goes_on_where_it_was(install, study, tmp_path, monkeypatch):
    install()
    train(study, tmp_path / "whole", RUNS[1])
    learner = load_backend("learners", "colour")
    every, learner.trained = list(learner.trained), []

    def due(self):
        return len(learner.trained) >= 3

    def stop():
        if len(learner.trained) == 3:
            raise stopping.StoppedError("SIGTERM")

    with monkeypatch.context() as patch:
        patch.setattr(adapters._Keeper, "due", property(due))
        patch.setattr(stopping, "checkpoint", stop)
        with pytest.raises(stopping.StoppedError):
            train(study, tmp_path / "out", RUNS[1])
    assert learner.trained == every[:3]
    assert not (tmp_path / "out" / "adapters").exists()
    assert train(study, tmp_path / "out", RUNS[1]).computed == 1
    assert learner.trained == every
    for name in ADAPTER_FILES:
        place = f"adapters/{RUNS[1]}/{name}"
        assert (tmp_path / "out" / place).read_bytes() == (tmp_path / "whole" / place).read_bytes()
    with open_store(tmp_path / "out" / "a.sqlite") as items:
        assert [key for key in items.all_keys() if key.startswith("partial-")] == []


def test_without_zero_shot_there_is_no_job_and_no_comparison_of_it(install, study, tmp_path):
    install()
    assert not has_zero_shot("colour")
    config = parse_config({"adapters": {"learner": "colour", "jobs": 1, "seeds": 1, "regimes": ["real"]}})
    layout = Layout(config)
    assert [job.runs for job in layout.jobs("predictions")] == [("real/seed0",)]
    assert layout.shape.scored == ["real/seed0"]
    assert " colour v1.0 " in layout.key("adapters")
    assert " colour v1.0 " in layout.key("predictions")
    train(study, tmp_path, *RUNS)
    score(study, tmp_path, *RUNS)
    part = ReportSlice(
        study="s", seed=3, noun="bird", attributes=("color",), shards=1, rounds=1, reading=made.ReadingConfig(),
        report=ReportConfig(), classes=made.CLASSES, statistics=StatisticsConfig(resamples=100),
        adapters=AdaptersConfig(learner="colour", seeds=1, regimes=("real", "real+synthetic-color-feasible")),
    )  # fmt: skip
    found = read_results(part, tmp_path)
    assert list(found.regimes) == ["real", "real+synthetic-color-feasible"]
    assert {row.regime for row in found.answers.accuracies} == set(found.regimes)
    assert ZERO_SHOT not in {row.b for row in found.answers.differences}
    facts = dict(found.facts)
    assert (facts["Learner"], facts["Warmth"]) == ("colour 1.0", "0.05")
    assert "LoRA" not in facts


def test_a_learner_that_is_registered_for_it_has_a_zero_shot(install, study, tmp_path):
    module = MODULE.replace(
        "        tensors = load(weights)",
        "        tensors = {'means': np.eye(3)[:2]} if weights is None else load(weights)",
    )
    install(module, words=" [zero_shot, gpu]")
    assert has_zero_shot("colour")
    assert not has_zero_shot("not installed")
    assert AdaptersConfig(learner="colour").wants_gpu
    config = parse_config({"adapters": {"learner": "colour", "jobs": 1, "seeds": 1, "regimes": ["real"]}})
    assert [job.runs for job in Layout(config).jobs("predictions")] == [("zero-shot/seed0", "real/seed0")]
    score(study, tmp_path, "zero-shot/seed0")
    rows = tables.read(tmp_path / "predictions" / "zero-shot" / "seed0.parquet", PREDICTIONS)
    assert [row["top1"] for row in rows] == [0, 0, 0, 1, 1, 1]


def test_the_jobs_of_clip_are_what_they_were():
    shape = Shape(attributes=("color",), regimes=("real",), seeds=2, training_jobs=2)
    assert shape.scored == ["zero-shot/seed0", "real/seed0", "real/seed1"]
    assert [job.runs for job in shape.jobs("predictions")] == [("zero-shot/seed0", "real/seed0"), ("real/seed1",)]
    assert has_zero_shot("clip")


def test_the_config_knows_it_by_its_name_alone(install):
    install("raise ImportError('broken')")
    config = parse_config({"adapters": {"learner": "colour", "options": {"warmth": 0.1}}})
    assert "colours_pkg" not in sys.modules
    slices = {name: part.for_keys() for name, part in stage_slices(config, {"a": "a"}).items()}
    for name, block in (("adapters", "adapters"), ("predictions", "model"), ("report", "adapters")):
        assert (slices[name][block]["learner"], slices[name][block]["options"]) == ("colour", {"warmth": 0.1})
    assert config.adapters.weights is None
    assert not config.adapters.wants_gpu
    with pytest.raises(
        ConfigError, match=r"unknown learner 'color'; did you mean 'colour'. known: clip, colour; or install the"
    ):
        parse_config({"adapters": {"learner": "color"}})
    with pytest.raises(
        ConfigError, match=r"'adapters\.options' are for backends of other packages; 'clip' takes none"
    ):
        parse_config({"adapters": {"options": {"warmth": 0.1}}})
    # studies that do not use it are as they were
    plain = {name: part.for_keys() for name, part in stage_slices(parse_config({}), {"a": "a"}).items()}
    assert not {"learner", "options"} & plain["adapters"]["adapters"].keys()


WRONG = {
    "missing method": ("def probabilities", "def chances", "has no method 'probabilities'"),
    "import": ("import numpy as np", "import not_there", "cannot be imported .*not_there"),
    "options": ("warmth=0.05", "heat=0.05", "adapters.options.warmth: .*has no such option; it takes heat"),
    "raises when made": (
        "raise ValueError(",
        "raise KeyError(",
        "adapters.options: .*cannot be made with them .KeyError: .*found warmth: 1",
    ),
    "train raises": ("sums[picture.label]", "sums[99]", "failed at the training real, seed 0 .IndexError"),
    "no Trained": ("return Trained(", "return tuple(", "failed at the training real, seed 0 .TypeError"),
    "no safetensors": ('save({"means": means})', "b'weights'", "failed at the training real, seed 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_it_is_one_line_that_names_its_package(install, study, tmp_path, case):
    old, new, message = WRONG[case]
    assert old in MODULE
    install(MODULE.replace(old, new))
    options = {"warmth": 1} if case == "raises when made" else {"warmth": 0.5}
    with pytest.raises(BackendError, match=message) as caught:
        train(study, tmp_path, RUNS[0], options=options)
    assert "package colours 1.0, entry point colours_pkg:NearestColour" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return scores / scores.sum(1, keepdims=True)", "return scores", "rows that do not sum to 1"),
        ("return scores / scores.sum(1, keepdims=True)", "return scores[:, 0]", "shape .6,. as probabilities"),
        ("return scores / scores.sum(1, keepdims=True)", "return scores * np.nan", "rows that do not sum to 1"),
        ("colours = np", "raise OSError('gone')", "failed at scoring real/seed0 .OSError: gone"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(install, study, tmp_path, old, new, message):
    install(MODULE.replace(old, new + (" #" if "OSError" in new else "")))
    train(study, tmp_path, RUNS[0])
    with pytest.raises(BackendError, match=message) as caught:
        score(study, tmp_path, RUNS[0])
    assert "package colours 1.0" in str(caught.value)


def test_weights_that_it_does_not_take_are_named(install, study, tmp_path):
    install()
    adapters.run(
        made.adapters_slice(), study=study, images=made.images_table(study), runs=[RUNS[0]],
        store=tmp_path / "clip.sqlite", output=tmp_path / "adapters",
    )  # fmt: skip
    with pytest.raises(DataError, match=r"real/seed0 holds no adapter for this model .no means of colours.; run the"):
        score(study, tmp_path, RUNS[0])


def test_clip_is_a_learner():
    kind = load_backend("learners", "clip")
    for name in (*Learner.__annotations__, "train", "load", "probabilities"):
        assert hasattr(kind, name), name
    assert parse_run("zero-shot/seed0") == (ZERO_SHOT, 0)
