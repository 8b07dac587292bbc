import os
from pathlib import Path

import pytest

from varireal.datasets.decoding import RejectedImageError, load_photo
from varireal.datasets.folder import FolderSource
from varireal.errors import ConfigError
from varireal.names import RejectCode


def fill(root, *keys):
    for key in keys:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def listed(root, names=None):
    return [(item.key, item.class_name, item.split) for item in FolderSource(root, names or {}).items()]


def fails(root, names=None):
    source = FolderSource(root, names or {})
    messages = []
    for ask in (source.class_names, lambda: list(source.items())):
        with pytest.raises(ConfigError) as caught:
            ask()
        messages.append(str(caught.value).replace(str(root), "ROOT"))
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]
    return messages[0]


def test_class_folders(tmp_path):
    fill(tmp_path, "dog/b.jpg", "dog/deep/er/a.png", "cat/1", "cat/notes.txt")
    assert FolderSource(tmp_path, {}).class_names() == ["cat", "dog"]
    assert listed(tmp_path) == [
        ("cat/1", "cat", None),
        ("cat/notes.txt", "cat", None),
        ("dog/b.jpg", "dog", None),
        ("dog/deep/er/a.png", "dog", None),
    ]
    assert next(FolderSource(tmp_path, {}).items()).path == tmp_path / "cat/1"


def test_split_folders(tmp_path):
    fill(tmp_path, "train/a/1.jpg", "Valid/a/1.jpg", "test/a/1.jpg", "test_snow-2/a/1.jpg", "train/b/2.jpg")
    assert listed(tmp_path) == [
        ("Valid/a/1.jpg", "a", "val"),
        ("test/a/1.jpg", "a", "test"),
        ("test_snow-2/a/1.jpg", "a", "test_snow-2"),
        ("train/a/1.jpg", "a", "train"),
        ("train/b/2.jpg", "b", "train"),
    ]


@pytest.mark.parametrize("layout", ["", "train/"])
def test_a_class_may_be_called_train(tmp_path, layout):
    fill(tmp_path, f"{layout}bus/1.jpg", f"{layout}train/1.jpg")
    assert FolderSource(tmp_path, {}).class_names() == ["bus", "train"]


def test_display_names(tmp_path):
    fill(tmp_path, "train/a_b/1.jpg", "train/cafe\u0301/1.jpg", "test/caf\u00e9/1.jpg")
    source = FolderSource(tmp_path, {"a_b": "a/b {x}"})
    assert source.class_names() == ["a/b {x}", "caf\u00e9"]
    assert {item.class_name for item in source.items()} == {"a/b {x}", "caf\u00e9"}
    assert FolderSource(tmp_path, {"caf\u00e9": "bar"}).class_names() == ["a_b", "bar"]


def test_display_name_of_no_folder_is_an_error(tmp_path):
    fill(tmp_path, "beagle/1.jpg", "boxer/1.jpg")
    assert fails(tmp_path, {"beagel": "Beagle"}) == (
        "class_names: 'beagel' is not a class of 'ROOT'; did you mean 'beagle'? "
        "It has 'beagle', 'boxer': use one of these names or remove the entry."
    )


def test_litter_and_hidden_files_are_skipped(tmp_path):
    fill(tmp_path, "a/1.jpg", "a/.hidden.jpg", "a/Thumbs.db", "a/desktop.ini", "a/.DS_Store", "a/.git/2.jpg")
    fill(tmp_path, ".ipynb_checkpoints/1.jpg", "__MACOSX/1.jpg")
    assert listed(tmp_path) == [("a/1.jpg", "a", None)]


def test_odd_names(tmp_path):
    names = ["-rf", "a b", "it's", 'q"', "new\nline", "🐦", "{x}", "%s", "a\\b", "$(rm)"]
    fill(tmp_path, *(f"{name}/{name}.jpg" for name in names))
    assert FolderSource(tmp_path, {}).class_names() == sorted(names)
    assert [key for key, _, _ in listed(tmp_path)] == sorted(f"{name}/{name}.jpg" for name in names)


def test_name_that_is_not_utf8_becomes_valid_text(tmp_path):
    (tmp_path / "a").mkdir()
    fill(tmp_path, os.fsdecode(b"a/caf\xe9.jpg"))
    (item,) = FolderSource(tmp_path, {}).items()
    assert item.key == "a/caf\\udce9.jpg"
    assert item.path.exists()


def test_files_beside_class_folders(tmp_path, caplog):
    fill(tmp_path, "train/a/1.jpg", "README.md", "train/labels.csv")
    assert listed(tmp_path) == [("train/a/1.jpg", "a", "train")]
    assert [Path(record.args[0].strip("'")).name for record in caplog.records] == ["README.md", "labels.csv"]
    fill(tmp_path, "train/stray.JPG")
    assert fails(tmp_path) == "'ROOT/train/stray.JPG' lies beside the class folders: move it into one, or remove it."


def test_layouts_that_cannot_be_used(tmp_path):
    def fresh(name, *keys):
        root = tmp_path / name
        root.mkdir()
        return fill(root, *keys)

    assert fails(tmp_path / "no") == "no folder 'ROOT': expected a folder with photos in class folders."
    (tmp_path / "file").touch()
    assert fails(tmp_path / "file") == "'ROOT' is a file: expected a folder with photos in class folders."
    assert fails(fresh("empty")).startswith("'ROOT' holds no class folders: expected <class>/ or train/<class>/")
    assert fails(fresh("flat", "1.jpg")).startswith("'ROOT' holds no class folders")
    assert fails(fresh("flat_split", "train/1.jpg", "test/1.jpg")) == (
        "'ROOT/test' holds no class folders: expected test/<class>/ with photos."
    )
    assert fails(fresh("no_train", "test/a/1.jpg")) == "'ROOT' has test but no train folder: add train/<class>/."
    assert fails(fresh("typo", "train/a/1.jpg", "tests/a/1.jpg")) == (
        "'ROOT/tests' lies beside split folders but names no split; did you mean 'test'? "
        "Expected train, val, test or test_<name> (letters a-z, digits, _ and -)."
    )
    assert fails(fresh("untrained", "train/terrier/1.jpg", "test/terier/1.jpg")) == (
        "'ROOT': class 'terier' is in test but not in train; did you mean 'terrier'? "
        "Give it the same name in every split, add train photos, or remove it."
    )
    hollow = fresh("hollow", "a/1.jpg")
    (hollow / "b").mkdir()
    assert fails(hollow) == "class folder 'ROOT/b' is empty: add photos, or remove the folder."
    (fresh("no_class", "test/a/1.jpg") / "train").mkdir()
    assert fails(tmp_path / "no_class") == "'ROOT/train' holds no class folders: expected train/<class>/ with photos."


def test_links(tmp_path):
    fill(tmp_path, "away/cat/2.jpg", "away/3.jpg")
    root = fill(tmp_path / "root", "dog/1.jpg")
    (root / "cat").symlink_to(tmp_path / "away/cat")
    (root / "dog/file.jpg").symlink_to(tmp_path / "away/3.jpg")
    (root / "dog/broken.jpg").symlink_to(tmp_path / "nothing")
    (root / "dog/self.jpg").symlink_to("self.jpg")
    (root / "dog/up").symlink_to(root)
    (root / "dog/out").symlink_to(tmp_path / "away")
    items = {item.key: item for item in FolderSource(root, {}).items()}
    assert sorted(items) == [
        "cat/2.jpg", "dog/1.jpg", "dog/broken.jpg", "dog/file.jpg", "dog/out", "dog/self.jpg", "dog/up",
    ]  # fmt: skip
    assert items["dog/file.jpg"].path.read_bytes() == b"x"
    expected = {"broken.jpg": RejectCode.MISSING, "self.jpg": RejectCode.UNREADABLE}
    for name, code in (expected | dict.fromkeys(["up", "out"], RejectCode.NOT_AN_IMAGE)).items():
        with pytest.raises(RejectedImageError) as caught:
            load_photo(items[f"dog/{name}"].path, max_side=9, max_pixels=99, min_side=1)
        assert caught.value.code == code
    assert len(FolderSource(root, {}).listing_digest()) == 16


def test_class_folder_that_links_to_its_parent(tmp_path):
    fill(tmp_path, "a/1.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert fails(tmp_path) == "'ROOT/loop' is a link to a folder that it lies in: remove the link."


def test_folders_deeper_than_python_recurses(tmp_path, monkeypatch):
    depth = 1200
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("x.jpg").touch()
    found = listed(tmp_path)
    Path("x.jpg").unlink()
    for _ in range(depth):  # pytest could not clear it away
        os.chdir("..")
        Path("d").rmdir()
    assert found == [("a/" + "d/" * depth + "x.jpg", "a", None)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_folder_without_permission_is_an_item(tmp_path):
    fill(tmp_path, "a/1.jpg", "a/locked/2.jpg")
    (tmp_path / "a/locked").chmod(0)
    assert [key for key, _, _ in listed(tmp_path)] == ["a/1.jpg", "a/locked"]
    (tmp_path / "a/locked").chmod(0o755)


def test_listing_digest_changes_with_the_files_only(tmp_path):
    fill(tmp_path, "a/1.jpg", "b/2.jpg")
    source = FolderSource(tmp_path, {})
    seen = [source.listing_digest()]
    assert source.listing_digest() == seen[0]
    fill(tmp_path, "a/3.jpg")
    seen.append(source.listing_digest())
    (tmp_path / "a/3.jpg").rename(tmp_path / "a/4.jpg")
    seen.append(source.listing_digest())
    os.utime(tmp_path / "a/4.jpg", ns=(1, 1))
    seen.append(source.listing_digest())
    (tmp_path / "a/4.jpg").write_bytes(b"xy")
    os.utime(tmp_path / "a/4.jpg", ns=(1, 1))
    seen.append(source.listing_digest())
    assert len(set(seen)) == 5
    (tmp_path / "a/4.jpg").unlink()
    assert source.listing_digest() == seen[0]
