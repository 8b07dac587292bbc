"""``varireal data get``: without a network, with torchvision's own classes where they matter."""

import json
import shutil
import tarfile
import urllib.error
import urllib.request

import numpy as np
import pytest
from scipy.io import savemat

from published_kit import CARS, MAKERS, make_aircraft, make_cars, make_pets
from varireal.cli import main
from varireal.commands import COMMANDS
from varireal.datasets import download
from varireal.datasets.published import PUBLISHED

torchvision_datasets = pytest.importorskip("torchvision.datasets")


def get(capsys, source, folder):
    """Exit code and all that is shown, with the folder as DIR."""
    code = main(["data", "get", "--source", source, "--output", str(folder)])
    shown = capsys.readouterr()
    return code, (shown.out + shown.err).replace(str(folder), "DIR")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def test_the_command_offers_every_data_set():
    (option,) = [option for option in COMMANDS["data-get"].options if option.dest == "source"]
    assert set(option.choices) == set(PUBLISHED)


@pytest.mark.parametrize(("source", "url"), [("oxford_pets", "/pets/data/"), ("fgvc_aircraft", "/fgvc-aircraft/")])
def test_without_a_network_it_is_one_line(tmp_path, capsys, no_network, source, url):
    for _ in range(2):  # what the first try leaves does not mislead the second
        code, text = get(capsys, source, tmp_path / "d")
        assert code == 2
        assert text.count("\n") == 1
        assert "https://www.robots.ox.ac.uk/~vgg/" in text
        assert url in text
        assert "cannot be downloaded (" in text
        assert "no route to host" in text
        assert f"put the data set into 'DIR' yourself: {PUBLISHED[source].layout}" in text
    assert [path.name for path in (tmp_path / "d").iterdir()] == [".download"]


@pytest.mark.parametrize(
    ("source", "why"),
    [("stanford_cars", "its URL (ai.stanford.edu/~jkrause) is gone"), ("waterbirds", "not in torchvision")],
)
def test_what_cannot_be_downloaded(tmp_path, capsys, source, why):
    code, text = get(capsys, source, tmp_path / "d")
    assert code == 2
    assert text.count("\n") == 1
    assert why in text
    assert f"put it into 'DIR' yourself: {PUBLISHED[source].layout}" in text
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("source", MAKERS)
def test_what_is_there_is_checked_and_counted(tmp_path, capsys, no_network, source):
    MAKERS[source](tmp_path / "d")
    code, text = get(capsys, source, tmp_path / "d")
    assert code == 0, text
    assert f"ok: {source} in DIR: " in text
    assert "train" in text
    assert ("split_zhou_OxfordPets.json" in text) == (source == "oxford_pets")
    next((tmp_path / "d").rglob("*_*.jpg" if source in ("oxford_pets", "waterbirds") else "0*.jpg")).unlink()
    code, text = get(capsys, source, tmp_path / "d")
    assert code == 2
    assert "are missing): expected " in text


def test_it_agrees_with_torchvision(tmp_path, capsys, no_network):
    make_pets(tmp_path / "pets/oxford-iiit-pet")
    pets = {split: torchvision_datasets.OxfordIIITPet(tmp_path / "pets", split) for split in ("trainval", "test")}
    _, text = get(capsys, "oxford_pets", tmp_path / "pets")
    assert f"{len(pets['trainval'].classes)} classes, {len(pets['test'])} test, {len(pets['trainval'])} train" in text
    source = download.PublishedSource(PUBLISHED["oxford_pets"], tmp_path / "pets", {})
    assert source.class_names() == pets["test"].classes
    make_aircraft(tmp_path / "air/fgvc-aircraft-2013b/data")
    aircraft = {
        split: torchvision_datasets.FGVCAircraft(tmp_path / "air", split) for split in ("train", "val", "test")
    }
    _, text = get(capsys, "fgvc_aircraft", tmp_path / "air")
    counts = ", ".join(f"{len(aircraft[split])} {split}" for split in ("test", "train", "val"))
    assert f"{len(aircraft['train'].classes)} classes, {counts}" in text


def served(monkeypatch, archives, broken=()):
    """Let torchvision's downloads end in local archives: file name -> archive."""

    def retrieve(url, filename, *args, **kwargs):
        archive = archives[url.rsplit("/", 1)[-1]]
        data = archive.read_bytes()
        with open(filename, "wb") as file:  # noqa: PTH123 - torchvision gives text or a path
            file.write(data[: len(data) // 2] if archive.name in broken else data)

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", retrieve)
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, **kwargs: url)


def packed(folder, archive, names):
    with tarfile.open(archive, "w:gz") as file:
        for name in names:
            file.add(folder / name, arcname=name)
    return archive


def test_a_download_is_moved_into_place_when_it_is_whole(tmp_path, capsys, monkeypatch):
    make_aircraft(tmp_path / "made/fgvc-aircraft-2013b/data")
    name = "fgvc-aircraft-2013b.tar.gz"
    archive = packed(tmp_path / "made", tmp_path / name, ["fgvc-aircraft-2013b"])
    served(monkeypatch, {name: archive}, broken={name})
    code, text = get(capsys, "fgvc_aircraft", tmp_path / "d")
    assert code == 2
    assert text.count("\n") == 1
    assert "cannot be downloaded" in text
    assert not (tmp_path / "d/fgvc-aircraft-2013b").exists()
    served(monkeypatch, {name: archive})
    code, text = get(capsys, "fgvc_aircraft", tmp_path / "d")
    assert code == 0, text
    assert "ok: fgvc_aircraft in DIR/fgvc-aircraft-2013b/data: 3 classes, 6 test, 9 train, 6 val" in text
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["fgvc-aircraft-2013b"]


def test_another_checksum_is_refused(tmp_path, capsys, monkeypatch):
    make_pets(tmp_path / "made")
    archives = {
        f"{name}.tar.gz": packed(tmp_path / "made", tmp_path / f"{name}.tar.gz", [name])
        for name in ("images", "annotations")
    }
    served(monkeypatch, archives)
    code, text = get(capsys, "oxford_pets", tmp_path / "d")
    assert code == 2
    assert "cannot be downloaded (File not found or corrupted.)" in text


def test_an_incomplete_folder_is_not_overwritten(tmp_path, capsys, no_network):
    make_pets(tmp_path / "d/oxford-iiit-pet")
    shutil.rmtree(tmp_path / "d/oxford-iiit-pet/images")
    code, text = get(capsys, "oxford_pets", tmp_path / "d")
    assert code == 2
    assert "'DIR/oxford-iiit-pet' is there but is not the whole data set; expected images/*.jpg" in text


def test_without_torchvision(tmp_path, capsys, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(download.importlib, "import_module", absent)
    with pytest.raises(download.BackendError, match=r"pip install 'varireal\[clip\]'"):
        download.get(source="oxford_pets", output=tmp_path / "d")


# The lists of the cars


def write_mat_lists(top):
    """The data set's own lists, from CoOp's."""
    splits = json.loads((top / "split_zhou_StanfordCars.json").read_text())
    (top / "split_zhou_StanfordCars.json").unlink()
    (top / "devkit").mkdir()
    kind = [(name, "O") for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")]

    def annotations(rows):
        made = np.zeros((1, len(rows)), dtype=kind)
        for place, (picture, label, _) in enumerate(rows):
            made[0, place] = (1, 1, 9, 9, label + 1, picture.split("/")[1])
        return made

    savemat(top / "devkit/cars_meta.mat", {"class_names": np.array([list(CARS)], dtype=object)})
    savemat(top / "devkit/cars_train_annos.mat", {"annotations": annotations(splits["train"] + splits["val"])})
    savemat(top / "cars_test_annos_withlabels.mat", {"annotations": annotations(splits["test"])})


def test_the_cars_own_lists_become_splits(tmp_path, capsys):
    make_cars(tmp_path / "d")
    with_coop = download.PublishedSource(PUBLISHED["stanford_cars"], tmp_path / "d", {}, val="from_train")
    expected = list(with_coop.items())
    write_mat_lists(tmp_path / "d")
    code, text = get(capsys, "stanford_cars", tmp_path / "d")
    assert code == 0, text
    assert "wrote DIR/split_official_StanfordCars.json" in text
    assert "3 classes, 6 test, 12 train" in text
    made = download.PublishedSource(PUBLISHED["stanford_cars"], tmp_path / "d", {})
    assert list(made.items()) == expected
    before = (tmp_path / "d/split_official_StanfordCars.json").stat().st_mtime_ns
    assert get(capsys, "stanford_cars", tmp_path / "d")[0] == 0
    assert (tmp_path / "d/split_official_StanfordCars.json").stat().st_mtime_ns == before


def test_damaged_lists_of_the_cars(tmp_path, capsys):
    make_cars(tmp_path / "d")
    write_mat_lists(tmp_path / "d")
    (tmp_path / "d/devkit/cars_meta.mat").write_bytes(b"no MATLAB file")
    code, text = get(capsys, "stanford_cars", tmp_path / "d")
    assert code == 2
    assert text.count("\n") == 1
    assert "in 'DIR' cannot be read (" in text
