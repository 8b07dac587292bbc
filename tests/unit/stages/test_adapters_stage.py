import json

import classifier_study as made
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from varireal.classifiers.clip import load_clip
from varireal.classifiers.lora import load_adapter
from varireal.classifiers.pools import PoolMaker
from varireal.classifiers.study_pictures import read_material
from varireal.classifiers.training import Trainer
from varireal.config.regimes import CONTROLS, every_regime
from varireal.core.paths import ADAPTER_FILES
from varireal.errors import ConfigError, DataError
from varireal.stages import adapters
from varireal.store.items import open_store
from varireal.store.tables import read as read_table

torch.set_num_threads(1)
BOTH = ("real/seed0", "real+synthetic-color-feasible/seed1")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return made.write_study(tmp_path_factory.mktemp("study"))


OLDER = (
    *("real/seed0", "duplicated-real/seed0", "identity-edits/seed0"),
    *("synthetic-color-feasible/seed0", "real+synthetic-texture-mixed/seed0", "real+synthetic-all-infeasible/seed0"),
)


@pytest.mark.parametrize(("added", "all_of"), [("weather", None), ("background", made.ATTRIBUTES)])
def test_an_attribute_that_is_added_trains_its_own_regimes_only(tmp_path, added, all_of):
    """Though it has fewer pairs than the others. One of the published three joins ``all`` where nothing is said."""
    store, attributes = tmp_path / "s.sqlite", (*made.ATTRIBUTES, added)
    before = run(made.write_study(tmp_path / "before"), tmp_path / "one", *OLDER, store=store)
    assert before.computed == len(OLDER)
    more = made.write_study(tmp_path / "after", scarce=added)
    now = {"store": store, "attributes": attributes, "all_of": all_of}
    assert run(more, tmp_path / "two", *OLDER, **now).computed == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert run(more, tmp_path / "two", f"real+synthetic-{added}-feasible/seed0", *OLDER, **now).computed == 1
    facts = json.loads((tmp_path / f"two/real+synthetic-{added}-feasible/seed0/training.json").read_text())
    assert (facts["real"], facts["synthetic"]) == (4, 2)
    together = run(more, tmp_path / "three", *OLDER, **now | {"all_of": attributes})
    assert together.computed == len(OLDER) - 1  # all but "real": equal counts with the scarcest of what all means


def run(study, output, *runs, store=None, **changes):
    return adapters.run(
        made.adapters_slice(**changes),
        study=study,
        images=made.images_table(study),
        runs=runs,
        store=store or output / "store.sqlite",
        output=output,
    )


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_writes_a_peft_folder_and_what_was_done(study, tmp_path):
    summary = run(study, tmp_path / "out", *BOTH, store=tmp_path / "s.sqlite")
    assert (summary.counts, summary.computed) == ({"ok": 2}, 2)
    for name in BOTH:
        assert sorted(path.name for path in (tmp_path / "out" / name).iterdir()) == sorted(ADAPTER_FILES)
    folder = tmp_path / "out" / BOTH[1]
    facts = json.loads((folder / "training.json").read_text())
    assert (facts["regime"], facts["seed"]) == ("real+synthetic-color-feasible", 1)
    assert (facts["real"], facts["synthetic"], facts["notes"]) == (4, 4, [])
    assert (facts["model"], facts["device"]) == ("tiny", "cuda" if torch.cuda.is_available() else "cpu")
    assert facts["training"]["steps"] == len(facts["log"]["losses"]) == 2
    assert facts["log"]["val_steps"] == [0, 1, 2]
    assert json.loads((tmp_path / "out" / BOTH[0] / "training.json").read_text())["synthetic"] == 0
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["peft_type"], settings["r"], settings["base_model_name_or_path"]) == ("LORA", 4, "tiny")
    clip = load_clip(made.adapters_config(), "cpu")
    load_adapter(clip, folder)
    assert any(value.any() for name, value in load_file(folder / ADAPTER_FILES[0]).items() if "lora_B" in name)


def test_what_the_store_has_is_not_trained_again(study, tmp_path):
    store = tmp_path / "s.sqlite"
    run(study, tmp_path / "one", *BOTH, store=store)
    again = run(study, tmp_path / "two", *BOTH, store=store)
    assert (again.counts, again.computed) == ({"ok": 2}, 0)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert run(study, tmp_path / "three", *BOTH, "duplicated-real/seed0", store=store).computed == 1


@pytest.mark.parametrize(
    "change",
    [
        {"training": made.TRAINING.model_copy(update={"steps": 3})},
        {"lora": made.LoraSettings(r=2)},
        {"class_prompt": "a {class}"},
    ],
    ids=["steps", "rank", "prompt"],
)
def test_another_setting_trains_again(study, tmp_path, change):
    store = tmp_path / "s.sqlite"
    assert run(study, tmp_path, BOTH[0], store=store).computed == 1
    assert run(study, tmp_path, BOTH[0], store=store, **change).computed == 1
    assert run(study, tmp_path, BOTH[0], store=store, **change).computed == 0
    assert run(study, tmp_path, BOTH[0], store=store, jobs=7, seeds=9, regimes=("real",)).computed == 0


def test_an_adapter_does_not_depend_on_what_else_the_job_trains(study, tmp_path):
    run(study, tmp_path / "one", *BOTH, store=tmp_path / "1.sqlite")
    run(study, tmp_path / "two", BOTH[1], store=tmp_path / "2.sqlite")
    one, two = (tmp_path / name / BOTH[1] / ADAPTER_FILES[0] for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_seeds_and_regimes_give_different_adapters(study, tmp_path):
    runs = ("real/seed0", "real/seed1", "synthetic-all-mixed/seed0")
    run(study, tmp_path, *runs)
    assert len({(tmp_path / name / ADAPTER_FILES[0]).read_bytes() for name in runs}) == 3


def test_a_killed_training_goes_on_and_leaves_nothing_behind(study, tmp_path, monkeypatch):
    store, settings = tmp_path / "s.sqlite", made.TRAINING.model_copy(update={"steps": 4})
    run(study, tmp_path / "whole", BOTH[0], store=tmp_path / "other.sqlite", training=settings)
    monkeypatch.setattr(Trainer.run, "__kwdefaults__", {"seconds": 0})
    plain, saves = adapters.ItemStore.put, []

    def put(self, key, value):
        plain(self, key, value)
        if key.startswith("partial-"):
            saves.append(key)
            if len(saves) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(adapters.ItemStore, "put", put)
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path / "out", BOTH[0], store=store, training=settings)
    assert not (tmp_path / "out" / BOTH[0]).exists()
    run(study, tmp_path / "out", BOTH[0], store=store, training=settings)
    assert len(saves) == 4  # two before the kill, two after
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    with open_store(store) as kept:
        assert [key for key in kept.all_keys() if key.startswith("partial-")] == []


def test_a_regime_without_a_picture_is_refused(tmp_path):
    study = made.write_study(tmp_path / "study", accepted=("texture",))
    with pytest.raises(DataError, match=r"synthetic-color-feasible has no picture.*funnel\.csv.*adapters\.regimes"):
        run(study, tmp_path, "synthetic-color-feasible/seed0")
    run(study, tmp_path, "real+synthetic-color-feasible/seed0")
    facts = json.loads((tmp_path / "real+synthetic-color-feasible/seed0/training.json").read_text())
    assert facts["notes"] == ["2 of 2 classes have no accepted pair here: Flamingo, Mallard."]


def test_an_unknown_regime_is_refused(study, tmp_path):
    with pytest.raises(ConfigError, match="no regime is called 'unreal'"):
        run(study, tmp_path, "unreal/seed0")


def test_the_material_is_what_the_tables_say(study):
    config = made.adapters_slice()
    labels = {"flamingo": 0, "mallard": 1}
    images = read_table(made.images_table(study), made.IMAGES)
    material = read_material(config, study, images, labels)
    assert [len(material.real[label]) for label in (0, 1)] == [2, 2]
    assert len(material.edits) == 2 * 2 * 2 * 2
    edit = material.edits[1, "color", "mallard-0 0", "infeasible"]
    assert np.array_equal(edit.load(), made.decode("mallard-0 color infeasible"))
    assert np.array_equal(material.real[0][1].load(), made.decode("flamingo 1"))
    again = material.recomposed[0][1].load()
    assert np.array_equal(again[:8], material.real[0][1].load()[:8])
    assert again.shape == (40, 40, 3)
    maker = PoolMaker(material, 3)
    for regime in every_regime(made.ATTRIBUTES):
        if regime.attribute or regime.kind in CONTROLS:
            assert len(maker.pool(regime).synthetic) == 4, regime.slug
