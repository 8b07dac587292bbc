import json

import pytest

from varireal.errors import ConfigError, DataError
from varireal.prompts import deal as dealing
from varireal.prompts.class_file import read_class_file, write_class_file
from varireal.prompts.deal import Deals, deal
from varireal.records import ClassInfo, Prompt

CLASSES = ("gull", "owl")
MEMBERS = {class_id: [f"{class_id}-{n}" for n in range(6)] for class_id in CLASSES}


def prompts(class_id, arm="feasible"):
    names = ("black", "white", "red", "green")
    made = [(f"{class_id}.color.{arm}.{name}", class_id, "color", arm, name, f"A {name} bird.") for name in names]
    return [Prompt(*fields, rgb="#102030") for fields in made]


@pytest.fixture
def files(tmp_path):
    paths = []
    for class_id in CLASSES:
        paths.append(tmp_path / "prompts" / f"{class_id}.yaml")
        both = [*prompts(class_id), *prompts(class_id, "infeasible")]
        write_class_file(paths[-1], ClassInfo(class_id, class_id), both, origin="a test")
    return paths


def make(tmp_path, files, arm="feasible", per_image=2, seed=1):
    memory = tmp_path / "store" / f"deals-color-{arm}.txt"
    return Deals(memory, files, attribute="color", feasibility=arm, per_image=per_image, seed=seed)


@pytest.fixture
def counted(monkeypatch):
    """Classes that were dealt, one entry per time."""
    times = []

    def deal_and_note(prompts_, ids, **settings):
        times.append(ids[0].partition("-")[0])
        return deal(prompts_, ids, **settings)

    monkeypatch.setattr(dealing, "deal", deal_and_note)
    return times


def expected(files, arm="feasible", per_image=2, seed=1):
    found = {}
    for path in files:
        own = [p for p in read_class_file(path) if (p.attribute, p.feasibility) == ("color", arm)]
        found[path.stem] = deal(own, MEMBERS[path.stem], per_image=per_image, seed=seed)
    return found


def test_a_remembered_deal_is_the_deal(tmp_path, files, counted):
    first = make(tmp_path, files).dealt(MEMBERS)
    again = make(tmp_path, files).dealt(MEMBERS)
    assert first == again == expected(files)
    assert sorted(counted) == ["gull", "owl"]


def test_jobs_with_other_classes_add_to_the_memory(tmp_path, files, counted):
    make(tmp_path, files).dealt({"owl": MEMBERS["owl"]})
    make(tmp_path, files).dealt(MEMBERS)
    make(tmp_path, files).dealt(MEMBERS)
    assert counted == ["owl", "gull"]


def test_an_edited_prompt_deals_its_class_again(tmp_path, files, counted):
    make(tmp_path, files).dealt(MEMBERS)
    files[1].write_text(files[1].read_text().replace("A red bird.", "A dark red bird."))
    dealt = make(tmp_path, files).dealt(MEMBERS)
    assert counted == ["gull", "owl", "owl"]
    assert dealt == expected(files)
    assert "A dark red bird." in {p.description for own in dealt["owl"].values() for p in own}


@pytest.mark.parametrize("change", [{"arm": "infeasible"}, {"per_image": 3}, {"seed": 2}])
def test_another_arm_count_or_seed_is_another_deal(tmp_path, files, counted, change):
    make(tmp_path, files).dealt(MEMBERS)
    if "arm" in change:  # as if both arms shared a file
        (tmp_path / "store/deals-color-feasible.txt").rename(tmp_path / "store/deals-color-infeasible.txt")
    assert make(tmp_path, files, **change).dealt(MEMBERS) == expected(files, **change)
    assert len(counted) == 4


def test_a_new_photo_deals_its_class_again(tmp_path, files, counted):
    make(tmp_path, files).dealt(MEMBERS)
    more = {**MEMBERS, "owl": [*MEMBERS["owl"], "owl-99"]}
    assert "owl-99" in make(tmp_path, files).dealt(more)["owl"]
    assert counted == ["gull", "owl", "owl"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("[0,", "[99,"),
        lambda text: text.replace('"prompt_id"', '"id"'),
        lambda text: "",
        lambda text: text.replace("\t", " "),
    ],
)
def test_a_damaged_memory_is_dealt_anew(tmp_path, files, damage):
    make(tmp_path, files).dealt(MEMBERS)
    memory = tmp_path / "store" / "deals-color-feasible.txt"
    memory.write_text(damage(memory.read_text()))
    assert make(tmp_path, files).dealt(MEMBERS) == expected(files)
    assert make(tmp_path, files).dealt(MEMBERS) == expected(files)


def test_a_memory_that_is_no_text_is_dealt_anew(tmp_path, files):
    memory = tmp_path / "store" / "deals-color-feasible.txt"
    memory.parent.mkdir()
    memory.write_bytes(b"\xff\x00" * 50)
    assert make(tmp_path, files).dealt(MEMBERS) == expected(files)
    assert [json.loads(line.split("\t")[2])[0][0]["class_id"] for line in memory.read_text().splitlines()] == [
        "gull",
        "owl",
    ]


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(tmp_path, files, counted):
    (tmp_path / "store").write_text("no folder")
    assert make(tmp_path, files).dealt(MEMBERS) == expected(files)
    assert make(tmp_path, files).dealt(MEMBERS) == expected(files)
    assert len(counted) == 4


def test_a_class_without_a_file_is_named(tmp_path, files):
    with pytest.raises(DataError, match="'owl' was given; found those of gull"):
        make(tmp_path, files[:1]).dealt(MEMBERS)


def test_a_damaged_prompt_file_is_named(tmp_path, files):
    make(tmp_path, files).dealt(MEMBERS)
    files[0].write_text("color: [")
    with pytest.raises(ConfigError, match=r"gull\.yaml"):
        make(tmp_path, files).dealt(MEMBERS)
