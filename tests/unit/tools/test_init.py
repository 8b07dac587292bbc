"""`varireal init`: a study to start from, and what is said of the photos."""

import csv
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from varireal.cli import main
from varireal.config.finding import load_config
from varireal.tools import init


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_photos(folder, counts, seed=1):
    """Noise, so that no two photos are alike; paths relative to the folder that tests are in."""
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (12, 16, 3), np.uint8)
            Image.fromarray(pixels).resize((160, 120)).save(folder / name / f"{number}.png")


def call(capsys, *words):
    code = main(list(words))
    return code, capsys.readouterr().err


def test_without_photos_the_study_is_one_to_fill(here, capsys):
    code, text = call(capsys, "init", "new")
    assert code == 0
    assert "next: put photos into new/photos/CLASS/" in text
    assert [path.name for path in (here / "new").iterdir()] == ["study.yaml"]
    make_photos(here / "new" / "photos", {"terrier": 4, "car": 4})
    code, text = call(capsys, "config", "check", "--configfile", "new/study.yaml")
    assert (code, text) == (0, "ok: study new, 2 classes, 6 settings, 1 shards, results in results/new\n")


def test_photos_of_known_classes_are_ready_to_run(here, capsys):
    make_photos(here / "photos/train", {"terrier": 12, "car": 3})
    make_photos(here / "photos/test", {"terrier": 5, "car": 5}, seed=2)
    (here / "photos/train/car/notes.txt").write_text("no photo")
    (here / "photos/train/car/again.png").write_bytes((here / "photos/train/car/0.png").read_bytes())
    code, text = call(capsys, "init", "cars", "--photos", "photos")
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "photos: 27 photos of 2 classes, with splits"
    assert lines[1].split() == ["class", "train", "test"]
    assert lines[2].split() == ["car", "5", "5"]
    assert "warning: 1 file is not used, not_an_image: train/car/notes.txt" in text
    # one of the two copies may have been drawn for val
    assert re.search(r"warning: 1 file is not used, (duplicate|in_train): train/car/(again|0)\.png", text)
    assert "warning: no val photos are named: 15%" in text
    assert "fewer than 10: car (5)" in text
    assert lines[-1] == "next: varireal config check --configfile cars/study.yaml"
    assert call(capsys, *lines[-1].split()[2:])[0] == 0
    config = load_config([here / "cars/study.yaml"])
    assert (config.images.folder.path, config.prompts.bank.path) == ("photos", "everyday")
    assert not (here / "cars/bank.yaml").exists()


def test_classes_that_no_bank_knows_get_one_to_fill_in(here, capsys):
    make_photos(here / "photos", {"tea pot": 3, "Terrier": 3})
    code, text = call(capsys, "init", "my pots", "--photos", "photos")
    assert code == 0
    assert "no shipped bank has prompts for tea pot" in text
    assert "prompts.source: openai" in text
    check = ["config", "check", "--configfile", "my pots/study.yaml"]
    code, text = call(capsys, *check)
    assert code == 2
    assert "tea-pot.background.feasible" in text  # and nothing of the class that is known
    bank = yaml.safe_load((here / "my pots/bank.yaml").read_text())
    assert bank["classes"]["Terrier"]["color"]["feasible"]
    for arms in bank["classes"]["tea pot"].values():
        arms["feasible"] = ["first thing", "second thing"]
    (here / "my pots/bank.yaml").write_text(yaml.safe_dump(bank))
    code, text = call(capsys, *check)
    assert (code, "ok: study my_pots" in text) == (0, True), text


def test_a_list_with_masks_uses_them(here, capsys):
    make_photos(here / "all", {"car": 4})
    with (here / "list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split", "mask"))
        for number, split in enumerate(("train", "train", "val", "test")):
            writer.writerow((f"all/car/{number}.png", "car", split, f"all/car/{number}.png"))
    code, text = call(capsys, "init", "listed", "--photos", "list.csv")
    assert code == 0
    assert "masks: provided" in text
    assert "photos are named" not in text
    config = load_config([here / "listed/study.yaml"])
    assert (config.images.source, config.images.csv.path, config.masks.backend) == ("csv", "list.csv", "provided")
    assert call(capsys, "config", "check", "--configfile", "listed/study.yaml")[0] == 0


def test_models_that_are_here_find_the_objects(here, capsys, monkeypatch):
    make_photos(here / "photos", {"car": 3})
    assert "grounded_sam2 lacks" in call(capsys, "init", "without", "--photos", "photos")[1]
    monkeypatch.setattr(init, "model_states", lambda needs, lock, verify: [])
    monkeypatch.setattr(init, "extra_states", lambda config: [])
    assert "its models are here" in call(capsys, "init", "with", "--photos", "photos")[1]
    assert load_config([here / "with/study.yaml"]).masks.chain == ("grounded_sam2", "grabcut")


def test_of_many_photos_some_are_opened(here, monkeypatch):
    make_photos(here / "photos", {"car": 9})
    monkeypatch.setattr(init, "_MOST_OPENED", 4)
    seen = init.look_at(here / "photos")
    assert seen.total == 9
    assert seen.warnings[0].startswith("3 of 9 files were opened")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["there"], "there/study.yaml is there already"),
        (["new", "--photos", "nowhere"], "no folder 'nowhere'"),
        (["new", "--photos", "flat"], "holds no class folders"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(here, capsys, words, message):
    (here / "there").mkdir()
    (here / "there/study.yaml").write_text("mine")
    (here / "flat").mkdir()
    code, text = call(capsys, "init", *words)
    assert (code, text.count("\n")) == (2, 1)
    assert text.startswith("error: init: ")
    assert message in text
    assert not (here / "new").exists()
    assert (here / "there/study.yaml").read_text() == "mine"


@pytest.mark.photos
def test_real_photographs(here, capsys, photos_folder):
    code, text = call(capsys, "init", "real", "--photos", str(photos_folder))
    assert code == 0
    assert "78 photos of 5 classes, with splits" in text
    assert "not used" not in text
    assert call(capsys, "config", "check", "--configfile", "real/study.yaml")[0] == 0
    assert call(capsys, "prompts", "check", "--configfile", "real/study.yaml")[0] == 0
