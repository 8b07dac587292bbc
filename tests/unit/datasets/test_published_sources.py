"""The published data sets, on folders of their shape."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from published_kit import CARS, MAKERS, PETS, make_aircraft, make_cars, make_pets, make_waterbirds
from varireal.config.model import parse_config
from varireal.datasets.published import PUBLISHED, PublishedSource
from varireal.datasets.sources import image_source
from varireal.datasets.splits import draw_splits
from varireal.errors import ConfigError


def opened(name, path, names=None, **options):
    return PublishedSource(PUBLISHED[name], path, names or {}, **options)


def counts(name, path, **options):
    return dict(Counter(item.split for item in opened(name, path, **options).items()))


def fails(name, path, names=None):
    """The message, which is one line and the same for all that the workflow asks; the folder is called TOP in it."""
    messages = set()
    for ask in (
        lambda source: source.class_names(),
        lambda source: list(source.items()),
        lambda source: source.listing_digest(),
    ):
        with pytest.raises(ConfigError) as caught:
            ask(opened(name, path, names))
        messages.add(str(caught.value))
    (message,) = messages
    assert "\n" not in message
    return message.replace(str(path), "TOP")


# Classes


def test_pets_are_shown_by_readable_names(tmp_path):
    source = opened("oxford_pets", make_pets(tmp_path / "pets"))
    assert source.class_names() == ["Abyssinian", "American Pit Bull Terrier", "Yorkshire Terrier"]
    with_coop = opened("oxford_pets", make_pets(tmp_path / "coop", coop=(9, 3)))
    assert with_coop.class_names() == source.class_names()


def test_aircraft_keep_their_spelling_and_get_safe_ids(tmp_path):
    make_aircraft(tmp_path / "a")
    config = parse_config(
        {
            "images": {"source": "fgvc_aircraft", "fgvc_aircraft": {"path": str(tmp_path / "a")}},
            "masks": {"backend": "grabcut"},
        }
    )
    assert image_source(config.images).classes() == {
        "707-320": "707-320",
        "bae-146-200": "BAE 146-200",
        "f-16a-b": "F-16A/B",
    }


def test_the_year_of_a_car_comes_last_again(tmp_path):
    assert opened("stanford_cars", make_cars(tmp_path / "c")).class_names() == sorted(CARS)


def test_waterbirds_have_two_classes(tmp_path):
    assert opened("waterbirds", make_waterbirds(tmp_path / "w")).class_names() == ["landbird", "waterbird"]


def test_a_class_may_get_another_name(tmp_path):
    make_pets(tmp_path / "p")
    names = {"Yorkshire Terrier": "Yorkie"}
    assert "Yorkie" in opened("oxford_pets", tmp_path / "p", names).class_names()
    assert "'Yorkshire Terier' is not a class" in fails("oxford_pets", tmp_path / "p", {"Yorkshire Terier": "Yorkie"})


# Splits and items


def test_full_counts_of_pets(tmp_path):
    breeds = [*PETS, *(f"breed_{chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(34))]
    make_pets(tmp_path / "p", trainval=3680, test=3669, classes=breeds, coop=(2944, 736))
    assert counts("oxford_pets", tmp_path / "p") == {"train": 2944, "val": 736, "test": 3669}
    (tmp_path / "p/split_zhou_OxfordPets.json").unlink()
    items = list(opened("oxford_pets", tmp_path / "p").items())
    assert Counter(item.split for item in items) == {"train": 3680, "test": 3669}
    # as the stage images does with the preset's val_fraction
    drawn = draw_splits(items, val_fraction=0.2, test_fraction=0.2, seed=22)
    assert Counter(drawn.values()) == {"train": 2940, "val": 740, "test": 3669}
    assert {"train", "val", "test"} == {drawn[item.key] for item in items if item.class_name == "Abyssinian"}


def test_full_counts_of_aircraft(tmp_path):
    make_aircraft(tmp_path / "a", train=3334, val=3333, test=3333, classes=[f"V-{k}" for k in range(100)])
    assert counts("fgvc_aircraft", tmp_path / "a") == {"train": 3334, "val": 3333, "test": 3333}
    assert counts("fgvc_aircraft", tmp_path / "a", val="from_train") == {"train": 6667, "test": 3333}


def test_full_counts_of_cars(tmp_path):
    models = [*CARS, *(f"Make Model {k} Sedan 2012" for k in range(193))]
    make_cars(tmp_path / "c", train=6509, val=1635, test=8041, classes=models)
    assert counts("stanford_cars", tmp_path / "c") == {"train": 6509, "val": 1635, "test": 8041}
    assert counts("stanford_cars", tmp_path / "c", val="from_train") == {"train": 8144, "test": 8041}
    assert len(opened("stanford_cars", tmp_path / "c").class_names()) == 196


def test_full_counts_of_waterbirds(tmp_path):
    published = {(0, 0, 0): 3498, (0, 0, 1): 184, (0, 1, 0): 56, (0, 1, 1): 1057}
    published |= {(1, 0, 0): 467, (1, 0, 1): 466, (1, 1, 0): 133, (1, 1, 1): 133}
    published |= {(2, 0, 0): 2255, (2, 0, 1): 2255, (2, 1, 0): 642, (2, 1, 1): 642}
    make_waterbirds(tmp_path / "w", groups=published)
    found = counts("waterbirds", tmp_path / "w")
    assert found == {"train": 4795, "val": 1199, "test": 2897, "test_background": 2897}
    assert found["test"] + found["test_background"] == 5794


def test_birds_in_the_other_place_are_the_shifted_test_set(tmp_path):
    make_waterbirds(tmp_path / "w")
    rows = [line.split(",") for line in (tmp_path / "w/metadata.csv").read_text().splitlines()[1:]]
    other = {row[1] for row in rows if row[3] == "2" and row[2] != row[4]}
    items = opened("waterbirds", tmp_path / "w").items()
    assert {item.key for item in items if item.split == "test_background"} == other


@pytest.mark.parametrize("name", MAKERS)
def test_items_are_sorted_are_there_and_have_a_split(tmp_path, name):
    MAKERS[name](tmp_path / "top")
    items = list(opened(name, tmp_path / "top").items())
    assert [item.key for item in items] == sorted({item.key for item in items})
    assert all(item.path.is_file() and item.split and item.mask_path is None for item in items)
    assert not any("\\" in item.key or item.key.startswith("/") for item in items)


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("oxford_pets", "oxford-iiit-pet"),
        ("fgvc_aircraft", "data"),
        ("fgvc_aircraft", "fgvc-aircraft-2013b/data"),
        ("stanford_cars", "stanford_cars"),
        ("waterbirds", "waterbird_complete95_forest2water2"),
    ],
)
def test_keys_are_the_same_in_a_folder_around_it(tmp_path, name, inside):
    MAKERS[name](tmp_path / "plain")
    MAKERS[name](tmp_path / "around" / inside)
    plain, around = opened(name, tmp_path / "plain"), opened(name, tmp_path / "around")
    assert [item.key for item in plain.items()] == [item.key for item in around.items()]
    assert around.top == tmp_path / "around" / inside


def test_a_picture_that_no_list_names_is_no_item(tmp_path):
    make_pets(tmp_path / "p")
    before = list(opened("oxford_pets", tmp_path / "p").items())
    (tmp_path / "p/images/Abyssinian_100.mat").write_bytes(b"x")
    assert list(opened("oxford_pets", tmp_path / "p").items()) == before


@pytest.mark.parametrize("name", MAKERS)
def test_the_digest_follows_pictures_and_lists(tmp_path, name):
    top = MAKERS[name](tmp_path / "top")
    digest = opened(name, top).listing_digest()
    assert opened(name, top).listing_digest() == digest
    edited = next(iter(opened(name, top).items())).path
    edited.unlink()
    edited.write_bytes(b"other")
    after_edit = opened(name, top).listing_digest()
    assert after_edit != digest
    lists = {
        "oxford_pets": "annotations/test.txt",
        "fgvc_aircraft": "images_variant_test.txt",
        "waterbirds": "metadata.csv",
    }
    if name in lists:  # one picture fewer
        text = (top / lists[name]).read_text().splitlines()
        (top / lists[name]).write_text("\n".join(text[:-1]) + "\n")
    else:
        splits = json.loads((top / "split_zhou_StanfordCars.json").read_text())
        splits["test"].pop()
        (top / "split_zhou_StanfordCars.json").write_text(json.dumps(splits))
    assert opened(name, top).listing_digest() not in {digest, after_edit}


def test_coops_file_changes_the_digest(tmp_path):
    make_pets(tmp_path / "p", coop=(9, 3))
    digest = opened("oxford_pets", tmp_path / "p").listing_digest()
    (tmp_path / "p/split_zhou_OxfordPets.json").unlink()
    assert opened("oxford_pets", tmp_path / "p").listing_digest() != digest


# Config


def test_a_source_needs_its_path():
    with pytest.raises(ConfigError, match=r"images\.oxford_pets\.path must name the folder"):
        parse_config({"images": {"source": "oxford_pets"}})


def test_provided_masks_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="'waterbirds' brings no masks"):
        parse_config(
            {"images": {"source": "waterbirds", "waterbirds": {"path": "w"}}, "masks": {"backend": "provided"}}
        )


def test_the_config_reaches_the_source(tmp_path):
    make_aircraft(tmp_path / "a")
    chosen = {"path": str(tmp_path / "a"), "val": "from_train"}
    images = parse_config(
        {"images": {"source": "fgvc_aircraft", "fgvc_aircraft": chosen}, "masks": {"backend": "grabcut"}}
    ).images
    assert Counter(item.split for item in image_source(images).items()) == {"train": 15, "test": 6}


def test_listing_is_light(tmp_path):
    for name, make in MAKERS.items():
        make(tmp_path / name)
    code = f"""
import pathlib, sys
from varireal.datasets.published import PublishedSource
from varireal.datasets.published import PUBLISHED
for name, published in PUBLISHED.items():
    source = PublishedSource(published, pathlib.Path({str(tmp_path)!r}) / name, {{}})
    source.class_names(), source.listing_digest()
print([n for n in ("numpy", "PIL", "cv2", "scipy", "torch", "torchvision", "pyarrow") if n in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


# Bad input: one line that names the file and what is expected


@pytest.mark.parametrize("name", MAKERS)
def test_no_folder(tmp_path, name):
    message = fails(name, tmp_path / "none")
    assert message.startswith("no folder 'TOP': expected ")
    assert f"'varireal data get --source {name} --output TOP'" in message


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_or_an_empty_folder(tmp_path, name):
    (tmp_path / "file").write_text("x")
    assert "'TOP' is a file: expected a folder with " in fails(name, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    message = fails(name, tmp_path / "empty")
    assert message.startswith("no 'TOP/")
    assert f"varireal data get --source {name}" in message


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("oxford_pets", "annotations/trainval.txt", "no file 'TOP/annotations/trainval.txt'"),
        ("oxford_pets", "annotations/test.txt", "no file 'TOP/annotations/test.txt'"),
        ("fgvc_aircraft", "images_variant_val.txt", "no file 'TOP/images_variant_val.txt'"),
        ("stanford_cars", "split_zhou_StanfordCars.json", "no file 'TOP/split_zhou_StanfordCars.json': put CoOp's"),
    ],
)
def test_a_list_is_missing(tmp_path, name, path, words):
    top = MAKERS[name](tmp_path / "top")
    (top / path).unlink()
    assert words in fails(name, top)


@pytest.mark.parametrize("name", MAKERS)
def test_a_listed_picture_is_absent(tmp_path, name):
    top = MAKERS[name](tmp_path / "top")
    items = list(opened(name, top).items())
    items[3].path.unlink()
    message = fails(name, top)
    assert f"no picture 'TOP/{items[3].key}' (1 of {len(items)} are missing): expected " in message
    assert message.startswith("'TOP/")  # the list and the line
    for item in items:
        item.path.unlink(missing_ok=True)
    assert f"({len(items)} of {len(items)} are missing)" in fails(name, top)


@pytest.mark.parametrize(
    ("name", "path", "line", "words"),
    [
        ("oxford_pets", "annotations/test.txt", "Abyssinian 1 1 1", "line 7: found 'Abyssinian 1 1 1', expected such"),
        ("oxford_pets", "annotations/test.txt", "Abyssinian_9", "expected such as 'Abyssinian_100 1 1 1'"),
        ("oxford_pets", "annotations/test.txt", "Siamese_9 1 1 1", "class 1 is 'Abyssinian' before but 'Siamese'"),
        ("oxford_pets", "annotations/test.txt", "Abysinian_9 7 1 1", "no picture"),
        ("oxford_pets", "annotations/test.txt", "Abyssinian_1 1 1 1", "is listed before, in 'TOP/annotations/train"),
        ("fgvc_aircraft", "images_variant_val.txt", "0034310", "class '' is not in 'TOP/variants.txt'"),
        ("fgvc_aircraft", "images_variant_val.txt", "0034310 F-16A", "did you mean 'F-16A/B'?"),
        ("waterbirds", "metadata.csv", "1,a.jpg,2,0,0,p", "line 26: found '1,a.jpg,2,0,0,p'; expected y and place 0"),
        ("waterbirds", "metadata.csv", "1,a.jpg,1,3,0,p", "split 0 (train), 1 (val) or 2 (test)"),
        ("waterbirds", "metadata.csv", "1,a.jpg", "expected y and place 0"),
        ("waterbirds", "metadata.csv", "1,../a.jpg,1,0,0,p", "picture '../a.jpg' lies outside 'TOP'"),
        ("waterbirds", "metadata.csv", "1,/etc/a.jpg,1,0,0,p", "picture '/etc/a.jpg' lies outside 'TOP'"),
    ],
)
def test_a_bad_line(tmp_path, name, path, line, words):
    top = MAKERS[name](tmp_path / "top")
    with (top / path).open("a") as file:
        file.write(line + "\n")
    message = fails(name, top)
    assert words in message
    assert f"'TOP/{path}', line " in message


def test_a_class_that_is_only_in_test(tmp_path):
    top = make_pets(tmp_path / "p")
    with (top / "annotations/test.txt").open("a") as file:
        file.write("Abysinian_9 7 1 1\n")
    os.link(top / ".picture.jpg", top / "images/Abysinian_9.jpg")
    assert "class 'Abysinian' is in test but not in train; did you mean 'Abyssinian'?" in fails("oxford_pets", top)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 5000 + "]" * 5000, "JSON"),
        ("[]", "expected {'train': [['PICTURE', NUMBER, 'CLASS'], ...]"),
        ('{"train": []}', "expected {'train'"),
        ('{"train": [], "test": [], "more": []}', "expected {'train'"),
        ('{"train": {}, "test": []}', "'train' is no list"),
        ('{"train": [["a.jpg", 0]], "test": []}', "train[0]: found \"['a.jpg', 0]\", expected ['PICTURE'"),
        ('{"train": [["a.jpg", 0, 3]], "test": []}', "train[0]"),
        ('{"train": [["a.jpg", 0, " "]], "test": []}', "train[0]"),
        ('{"train": [], "test": []}', "the lists in 'TOP' name no pictures: expected "),
    ],
)
def test_a_bad_split_file(tmp_path, text, words):
    top = make_cars(tmp_path / "c")
    (top / "split_zhou_StanfordCars.json").write_text(text)
    assert words in fails("stanford_cars", top)


def test_a_list_that_is_not_text(tmp_path):
    top = make_pets(tmp_path / "p")
    (top / "annotations/test.txt").write_bytes(b"\xff\xfe\x00")
    assert "'TOP/annotations/test.txt' is not UTF-8 text at byte 0" in fails("oxford_pets", top)


def test_a_column_is_missing(tmp_path):
    top = make_waterbirds(tmp_path / "w")
    (top / "metadata.csv").write_text("img_id,img_filename,y,split\n")
    assert "no column 'place'; expected img_filename, y, split, place, found img_id" in fails("waterbirds", top)
    (top / "metadata.csv").write_text("")
    assert "no column 'img_filename'" in fails("waterbirds", top)
