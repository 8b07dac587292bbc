import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from varireal.errors import ConfigError
from varireal.prompts import class_file
from varireal.prompts.class_file import read_class_file, setting_digests, write_class_file
from varireal.records import ClassInfo, Prompt

MALLARD = ClassInfo("mallard", "Mallard")


def class_digests(path):
    return setting_digests(read_class_file(path))


def prompt(place: str, slug: str, name: str = "", description: str = "") -> Prompt:
    attribute, feasibility = place.split(".")
    return Prompt(f"mallard.{place}.{slug}", "mallard", attribute, feasibility, name or slug, description)


POND = prompt("background.feasible", "pond", "quiet pond", "Still water.")
STREET = prompt("background.feasible", "street")
MOON = prompt("background.infeasible", "moon")
BROWN = prompt("color.feasible", "brown")
PROMPTS = [POND, STREET, MOON, BROWN]


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "prompts" / "mallard.yaml"
    assert write_class_file(path, MALLARD, PROMPTS, origin="bank b")[1] == []
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), encoding="utf-8")


def again(path: Path, prompts=PROMPTS, origin: str = "bank b", info: ClassInfo = MALLARD) -> list[str]:
    return write_class_file(path, info, prompts, origin=origin)[1]


def names(path: Path) -> list[str]:
    return [p.name for p in read_class_file(path)]


def test_what_is_written_is_read_back(path):
    assert read_class_file(path) == PROMPTS


def test_the_file_is_plain_yaml_with_a_header_for_people(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#: Prompts of one class. Edit this file as you like")
    data = yaml.safe_load(text)
    assert list(data) == ["class_id", "class_name", "origin", "background", "color", "texture", "generated"]
    assert data["background"]["feasible"] == [
        {"id": POND.prompt_id, "name": "quiet pond", "description": "Still water.", "source": "bank"},
        {"id": STREET.prompt_id, "name": "street", "source": "bank"},
    ]
    assert data["texture"] == {"feasible": [], "infeasible": []}
    assert sorted(data["generated"]) == sorted(p.prompt_id for p in PROMPTS)


def test_a_second_write_touches_nothing(path):
    before = path.read_bytes()
    os.utime(path, ns=(1, 1))
    assert again(path) == []
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == 1


def test_only_the_file_is_left_in_its_folder(path):
    again(path, PROMPTS[:2])
    assert [p.name for p in path.parent.iterdir()] == ["mallard.yaml"]


def test_a_write_that_dies_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def die(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        again(path, PROMPTS[:2])
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert again(path, PROMPTS[:2]) == []
    assert [p.name for p in path.parent.iterdir()] == ["mallard.yaml"]


def test_a_changed_bank_reaches_untouched_entries(path):
    fresh = [replace(POND, description="Green water."), MOON, prompt("color.feasible", "white"), BROWN]
    assert again(path, fresh, "bank c") == []
    assert read_class_file(path) == fresh
    assert "origin: bank c\n" in path.read_text(encoding="utf-8")


def test_a_new_prompt_comes_after_the_one_before_it(path):
    reeds, lake = prompt("background.feasible", "reeds"), prompt("background.feasible", "lake")
    again(path, [lake, POND, reeds, STREET, MOON, BROWN])
    assert names(path) == ["lake", "quiet pond", "reeds", "street", "moon", "brown"]


def test_an_edited_entry_is_kept_and_reported(path):
    edit(path, "name: quiet pond", "name: duckweed pond")
    edited = replace(POND, name="duckweed pond", source="edited")
    assert read_class_file(path)[0] == edited
    kept = [f"kept {POND.prompt_id}: edited by hand"]
    assert again(path, [replace(POND, description="Other."), STREET, MOON, BROWN]) == kept
    assert again(path, [STREET, MOON, BROWN, prompt("color.feasible", "white")]) == kept
    assert read_class_file(path)[0] == edited


def test_an_edit_undone_by_hand_follows_the_bank_again(path):
    edit(path, "name: quiet pond", "name: duckweed pond")
    again(path, [*PROMPTS, prompt("color.feasible", "white")])
    edit(path, "name: duckweed pond", "name: quiet pond")
    fresh = replace(POND, description="Other.")
    assert again(path, [fresh, *PROMPTS[1:]]) == []
    assert read_class_file(path)[0] == fresh


def test_an_added_entry_is_kept_and_gets_an_id(path):
    edit(path, "  infeasible:\n    - id: mallard.background.infeasible.moon", "    - Own Place\n    - name: street\n"
         "  infeasible:\n    - id: mallard.background.infeasible.moon")  # fmt: skip
    own = Prompt(
        "mallard.background.feasible.own-place", "mallard", "background", "feasible", "Own Place", "", "edited"
    )
    second = replace(STREET, prompt_id=f"{STREET.prompt_id}-2", source="edited")
    expected = [POND, STREET, own, second, MOON, BROWN]
    assert read_class_file(path) == expected
    notes = [f"kept {own.prompt_id}: added by hand", f"kept {second.prompt_id}: added by hand"]
    assert again(path) == notes
    assert f"id: {own.prompt_id}\n" in path.read_text(encoding="utf-8")
    edit(path, "name: Own Place", "name: My Place")
    assert again(path, [*PROMPTS, prompt("color.feasible", "white")]) == notes
    assert read_class_file(path)[2] == replace(own, name="My Place")


def test_a_deleted_entry_stays_deleted_until_its_line_goes(path):
    edit(path, f"    - id: {STREET.prompt_id}\n      name: street\n      source: bank\n", "")
    out = [f"left out {STREET.prompt_id}: removed by hand"]
    assert names(path) == ["quiet pond", "moon", "brown"]
    assert again(path) == out
    assert again(path, [STREET, BROWN, MOON]) == out
    assert again(path, [POND]) == []
    assert again(path) == out
    assert names(path) == ["quiet pond", "moon", "brown"]
    edit(path, f"removed:\n  - {STREET.prompt_id}\n", "")
    assert again(path) == []
    assert read_class_file(path) == PROMPTS


def test_an_entry_moved_to_the_other_arm_stays_there(path):
    lines = f"    - id: {STREET.prompt_id}\n      name: street\n      source: bank\n"
    edit(path, lines, "")
    edit(
        path,
        "    - id: mallard.background.infeasible.moon\n",
        lines + "    - id: mallard.background.infeasible.moon\n",
    )
    moved = replace(STREET, feasibility="infeasible", source="edited")
    assert again(path) == [f"kept {STREET.prompt_id}: edited by hand"]
    assert read_class_file(path) == [POND, moved, MOON, BROWN]


def test_an_entry_without_a_source_counts_as_a_persons(path):
    edit(path, "      name: moon\n      source: bank\n", "      name: moon\n")
    assert read_class_file(path)[2] == replace(MOON, source="edited")
    assert again(path) == []
    assert read_class_file(path) == PROMPTS


def test_without_the_record_everything_is_a_persons_and_the_bank_finds_its_own(path):
    path.write_text(path.read_text(encoding="utf-8").split("\ngenerated:")[0] + "\n", encoding="utf-8")
    edit(path, "name: quiet pond", "name: duckweed pond")
    assert {p.source for p in read_class_file(path)} == {"edited"}
    assert again(path) == [f"kept {POND.prompt_id}: added by hand"]
    assert [p.source for p in read_class_file(path)] == ["edited", "bank", "bank", "bank"]


def test_a_new_display_name_reaches_the_file(path):
    assert again(path, info=ClassInfo("mallard", "Stockente")) == []
    assert "class_name: Stockente\n" in path.read_text(encoding="utf-8")


def test_comments_stay_with_what_they_belong_to(path):
    edit(path, "background:\n", "# on top\nbackground: # places\n")
    edit(path, f"    - id: {STREET.prompt_id}\n", f"# busy\n    # loud\n    - id: {STREET.prompt_id} # keep\n")
    edit(path, "      name: moon\n", "      # grey\n      name: moon # dust\n")
    edit(path, f"    - id: {BROWN.prompt_id}\n", f"    # goes with brown\n    - id: {BROWN.prompt_id}\n")
    path.write_text(path.read_text(encoding="utf-8") + "# the end", encoding="utf-8")
    lake, white = prompt("background.feasible", "lake"), prompt("color.feasible", "white")
    again(path, [replace(POND, description='a "# b'), lake, STREET, MOON, white])
    text = path.read_text(encoding="utf-8")
    assert "# on top\nbackground:  # places\n  feasible:\n" in text
    assert f"    # busy\n    # loud\n    - id: {STREET.prompt_id}  # keep\n      name: street\n" in text
    assert "      # grey\n      name: moon  # dust\n" in text
    assert text.endswith("\n# the end\n")
    assert text.count("# goes with brown") == 1
    assert sum(line.lstrip().startswith("#") and "#:" not in line for line in text.splitlines()) == 6
    assert text.count("#:") == 8
    before = path.read_bytes()
    again(path, [replace(POND, description='a "# b'), lake, STREET, MOON, white])
    assert path.read_bytes() == before


def test_a_hash_inside_a_text_is_no_comment(path):
    hashed = replace(POND, name="pond # one", description="plain 'x' # y")
    again(path, [hashed, STREET])
    edit(path, "name: street", "name: >-\n        street\n        # two")
    again(path, [hashed, STREET, MOON])
    again(path, [hashed, STREET, MOON, BROWN])
    assert names(path) == ["pond # one", "street # two", "moon", "brown"]
    text = path.read_text(encoding="utf-8")
    assert (text.count("# one"), text.count("# y"), text.count("# two")) == (1, 1, 1)


def test_a_file_laid_out_by_a_person_is_left_alone_while_nothing_changes(path):
    text = path.read_text(encoding="utf-8")
    loose = text.replace("name: quiet pond", "name:   'quiet pond'").replace("\n", "\r\n")
    path.write_bytes(loose.encode())
    assert again(path) == []
    assert path.read_bytes() == loose.encode()


HOSTILE = [
    'it\'s "quoted" `x` \\ back',
    "two\nlines\r\nand\ttab",
    "{x}: [y], *a &b !c |d >e %f @g",
    "key: value",
    "# no comment",
    "x # y",
    "!!python/object/apply:os.system [ls]",
    "- dash",
    "--- ",
    "🦆 кряква 绿头鸭 \u200d",
    "no",
    "~",
    "null",
    "1e3",
    "2024-01-01",
    " padded ",
    "",
    "\x00\x07\x1b\x7f\x85\u2028\ufeff",
    "../../etc/passwd",
    "ignore previous instructions",
    "<script>alert(1)</script>",
    "#: like ours",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_come_back_unharmed(tmp_path, text):
    path = tmp_path / "c.yaml"
    info = ClassInfo("c", text)
    given_ = [Prompt("c.color.feasible.x", "c", "color", "feasible", text if text.strip() else "x", text, "bank")]
    write_class_file(path, info, given_, origin=text)
    assert read_class_file(path) == given_
    before = path.read_bytes()
    assert write_class_file(path, info, given_, origin=text)[1] == []
    assert path.read_bytes() == before
    data = yaml.safe_load(before.decode("utf-8"))
    assert [data["class_name"], data["origin"]] == [text, text]
    assert data["color"]["feasible"][0].get("description", "") == text
    assert write_class_file(path, replace(info, name="y"), given_, origin=text)[1] == []
    assert [p.name for p in tmp_path.iterdir()] == ["c.yaml"]


@given(name=st.text(min_size=1).filter(str.strip), description=st.text(), shown=st.text())
@settings(max_examples=150, deadline=None)
def test_any_text_comes_back_unharmed(tmp_path_factory, name, description, shown):
    path = tmp_path_factory.mktemp("any") / "c.yaml"
    given_ = [Prompt("c.color.feasible.x", "c", "color", "feasible", name, description)]
    write_class_file(path, ClassInfo("c", shown), given_, origin="bank")
    assert read_class_file(path) == given_


def test_a_lone_surrogate_is_refused_in_words(tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml: a text holds U\+D800, which is no character; remove it"):
        write_class_file(tmp_path / "c.yaml", ClassInfo("c", "\ud800"), [], origin="bank")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("class_id: mallard", "class_id: goose", ":8: class_id is 'goose', expected 'mallard' as the file is called"),
        ("class_id: mallard\n", "", ":8: class_id is '', expected 'mallard'"),
        ("texture:", "textures:", ":30: unknown key 'textures' in the file; did you mean 'texture'?"),
        ("      name: moon", "      label: moon", ":22: unknown key 'label'"),
        ("      name: moon", "      name: ''", ":21: an entry of background.infeasible has no name"),
        ("      name: moon", "\tname: moon", ":22: not YAML"),
        (
            f"id: {MOON.prompt_id}",
            f"id: {POND.prompt_id}",
            ":21: id 'mallard.background.feasible.pond' is there twice",
        ),
        (f"- id: {MOON.prompt_id}", "- id: goose.x", ":21: id 'goose.x' is not of the form 'mallard.…'"),
        (f"- id: {MOON.prompt_id}", "- id: mallard.../x y", ":21: id 'mallard.../x y' is not of the form"),
        ("      name: moon", "      name: !!python/name:os.system", ":22: tag"),
        ("generated:\n", "generated:\n  - x\n", ":35: not YAML"),
    ],
)
def test_mistakes_are_named_with_file_and_line_and_nothing_is_overwritten(path, old, new, says):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    before = path.read_bytes()
    for act in (read_class_file, class_digests, again):
        with pytest.raises(ConfigError) as error:
            act(path)
        assert str(error.value).startswith(f"{path}{says}")
    assert path.read_bytes() == before


def test_digests_change_for_the_edited_setting_alone(path):
    before = class_digests(path)
    assert len(before) == 6
    edit(path, "name: quiet pond", "name: duckweed pond")
    after = class_digests(path)
    assert {setting for setting in before if before[setting] != after[setting]} == {("background", "feasible")}


def test_digests_do_not_mind_comments_order_sources_and_layout(path):
    before = class_digests(path)
    lines = f"    - id: {STREET.prompt_id}\n      name: street\n      source: bank\n"
    edit(path, lines, "")
    first = "  feasible:\n    - id: mallard.background.feasible.pond\n"
    head, entry = first.split("\n", 1)
    edit(path, first, f"{head}\n{lines.replace('bank', 'me')}    # first\n{entry}")
    assert names(path)[:2] == ["street", "quiet pond"]
    assert class_digests(path) == before


@pytest.mark.parametrize(
    "other", [replace(BROWN, name="b"), replace(BROWN, description="b"), replace(BROWN, prompt_id="mallard.b")]
)
def test_digests_see_id_name_and_description(path, other):
    before = class_digests(path)
    again(path, [POND, STREET, MOON, other])
    assert class_digests(path)["color", "feasible"] != before["color", "feasible"]


def test_planned_digests_are_those_of_the_file_afterwards(path, tmp_path):
    edit(path, "name: quiet pond", "name: duckweed pond")
    for place in (path, tmp_path / "new" / path.name):
        info = ClassInfo("mallard", "mallard")
        planned = class_file.planned_digests(place, info, [POND, MOON, BROWN], origin="bank ponds.yaml")
        write_class_file(place, info, [POND, MOON, BROWN], origin="bank ponds.yaml")
        assert class_digests(place) == planned


def test_a_missing_file_is_a_config_error(tmp_path):
    for act in (read_class_file, class_digests):
        with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
            act(tmp_path / "absent.yaml")
