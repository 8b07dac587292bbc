import classifier_study as made
import numpy as np
import pytest
import torch

from varireal.classifiers import clip_lora
from varireal.classifiers.augment import Augmenter
from varireal.classifiers.clip import load_clip, probabilities
from varireal.classifiers.lora import load_adapter
from varireal.classifiers.pools import Picture
from varireal.errors import DataError
from varireal.stages import adapters, predictions
from varireal.store import tables
from varireal.store.schemas import PREDICTIONS

torch.set_num_threads(1)
RUNS = ("zero-shot/seed0", "real/seed0", "duplicated-real/seed1")
NAMES = [f"{class_id} {number}" for class_id in made.CLASSES for number in (3, 4, 5)]
TEXTS = ["a bird photo of a Flamingo", "a bird photo of a Mallard"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = made.write_study(tmp_path_factory.mktemp("study"))
    adapters.run(
        made.adapters_slice(),
        study=root,
        images=made.images_table(root),
        runs=RUNS[1:],
        store=root / "adapters.sqlite",
        output=root / "adapters",
    )
    return root


def run(study, output, *runs, store=None, config=None):
    summary = predictions.run(
        config or made.predictions_slice(),
        images=made.images_table(study),
        adapters=study / "adapters",
        runs=runs,
        store=store or output / "store.sqlite",
        output=output,
    )
    return summary, {name: tables.read(output / f"{name}.parquet", PREDICTIONS) for name in runs}


def direct(study, name):
    """Probabilities of the test pictures, computed without the stage."""
    clip = load_clip(made.adapters_config())
    if name != RUNS[0]:
        load_adapter(clip, study / "adapters" / name)
    augmenter = Augmenter("none", clip.size, clip.mean, clip.std)
    return probabilities(clip, list(augmenter.preprocess([made.decode(name) for name in NAMES])), TEXTS)


def test_every_test_picture_has_a_row_and_nothing_else_has(study, tmp_path):
    summary, found = run(study, tmp_path, *RUNS)
    assert (summary.counts, summary.computed) == ({"ok": 18}, 3)
    for name, rows in found.items():
        assert {f"{row['regime']}/seed{row['seed']}" for row in rows} == {name}
        assert [row["image_id"] for row in rows] == [name.replace(" ", "-") for name in NAMES]
        assert [row["test_set"] for row in rows] == ["test", "test", "test_background"] * 2
        assert [(row["class_id"], row["label"]) for row in rows] == [("flamingo", 0)] * 3 + [("mallard", 1)] * 3


def test_probabilities_sum_to_one_and_the_best_classes_follow_from_them(study, tmp_path):
    for rows in run(study, tmp_path, *RUNS)[1].values():
        for row in rows:
            values = row["probabilities"]
            assert len(values) == 2
            assert sum(values) == pytest.approx(1, abs=1e-5)
            assert row["top1"] == values.index(max(values))
            assert row["top5"] == sorted(range(2), key=lambda label: -values[label])


def test_the_best_five_of_many_classes_come_best_first():
    photo = predictions.StudyPhoto("a-0", "a", "test", Picture("a", 0, lambda: None))
    values = np.array([0.1, 0.05, 0.3, 0.3, 0.02, 0.03, 0.2], np.float32)
    row = predictions._row("real", 0, photo, values)
    assert row["top5"] == [2, 3, 6, 0, 1]
    assert row["top1"] == 2


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_what_the_model_says(study, tmp_path, name):
    rows = run(study, tmp_path, *RUNS)[1][name]
    found = np.array([row["probabilities"] for row in rows], np.float32)
    assert np.allclose(found, direct(study, name), atol=1e-6)


def test_zero_shot_is_the_same_to_the_bit_wherever_it_comes_in_the_list(study, tmp_path):
    wanted = direct(study, RUNS[0])
    for number, order in enumerate((RUNS, RUNS[::-1])):
        rows = run(study, tmp_path / str(number), *order)[1][RUNS[0]]
        assert np.array_equal(np.array([row["probabilities"] for row in rows], np.float32), wanted)


def test_what_the_store_has_is_not_computed_again(study, tmp_path, monkeypatch):
    store = tmp_path / "s.sqlite"
    first, rows = run(study, tmp_path / "one", *RUNS, store=store)
    monkeypatch.setattr(clip_lora, "probabilities", None)
    again, same = run(study, tmp_path / "two", *RUNS, store=store)
    assert (first.computed, again.computed) == (3, 0)
    assert rows == same
    for name in RUNS:
        one, two = (tmp_path / folder / f"{name}.parquet" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_another_prompt_is_computed_again(study, tmp_path):
    store = tmp_path / "s.sqlite"
    run(study, tmp_path, RUNS[0], store=store)
    config = made.predictions_slice(class_prompt="{class}")
    assert run(study, tmp_path, RUNS[0], store=store, config=config)[0].computed == 1


@pytest.mark.parametrize("damage", ["missing", "no weights", "no json", "broken json"])
def test_a_missing_adapter_is_named(study, tmp_path, damage):
    folder = tmp_path / "adapters" / "real" / "seed0"
    if damage != "missing":
        folder.mkdir(parents=True)
        for path in (study / "adapters" / "real" / "seed0").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    if damage == "no weights":
        (folder / "adapter_model.safetensors").unlink()
    if damage == "no json":
        (folder / "adapter_config.json").unlink()
    if damage == "broken json":
        (folder / "adapter_config.json").write_text("{")
    with pytest.raises(DataError, match=r"real/seed0 holds no adapter .*; run the stage adapters"):
        predictions.run(
            made.predictions_slice(),
            images=made.images_table(study),
            adapters=tmp_path / "adapters",
            runs=["real/seed0"],
            store=tmp_path / "s.sqlite",
            output=tmp_path / "out",
        )


def test_damaged_weights_of_an_adapter_are_named(study, tmp_path):
    folder = tmp_path / "adapters" / "real" / "seed0"
    folder.mkdir(parents=True)
    for path in (study / "adapters" / "real" / "seed0").iterdir():
        (folder / path.name).write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match="real/seed0 holds no adapter"):
        predictions.run(
            made.predictions_slice(),
            images=made.images_table(study),
            adapters=tmp_path / "adapters",
            runs=["real/seed0"],
            store=tmp_path / "s.sqlite",
            output=tmp_path / "out",
        )


@pytest.mark.parametrize("lora", [{"r": 2}, {"r": 4, "towers": ("text",)}, {"r": 4, "target_modules": ("k_proj",)}])
def test_an_adapter_of_other_settings_is_refused_in_one_line(study, tmp_path, lora):
    with pytest.raises(DataError, match="real/seed0 holds no adapter for this model") as caught:
        run(study, tmp_path, "real/seed0", config=made.predictions_slice(lora=made.LoraSettings(**lora)))
    assert "\n" not in str(caught.value)


def test_an_adapter_that_lacks_a_tower_is_refused(study, tmp_path):
    config = made.adapters_slice(lora=made.LoraSettings(r=4, towers=("image",)))
    where = {"study": study, "images": made.images_table(study), "store": tmp_path / "a", "output": tmp_path / "half"}
    adapters.run(config, runs=["real/seed0"], **where)
    with pytest.raises(DataError, match="real/seed0 holds no adapter for this model"):
        predictions.run(
            made.predictions_slice(),
            images=made.images_table(study),
            adapters=tmp_path / "half",
            runs=["real/seed0"],
            store=tmp_path / "s.sqlite",
            output=tmp_path / "out",
        )


def test_a_photo_that_changed_stops_the_stage(tmp_path):
    study = made.write_study(tmp_path / "study")
    (study / "photos" / "mallard-4.png").write_bytes(made.picture("mallard 9"))
    with pytest.raises(DataError, match="changed since the stage images read it"):
        run(study, tmp_path / "out", RUNS[0])
