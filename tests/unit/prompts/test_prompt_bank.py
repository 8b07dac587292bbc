import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from varireal.errors import ConfigError
from varireal.prompts.bank import find_bank, load_bank, new_prompt_id, prompts_for, shipped_bank

BANK = """\
dataset: ponds
noun: bird
shared:
  background:
    infeasible:
      - name: deep space
        description: Stars.
      - moon
classes:
  mallard:
    background:
      infeasible:
        - name: library
      feasible:
        - name: " pond "
          description: "Water: still. # deep"
    color:
      feasible: [brown, ash gray]
  "Ross's Goose {x}": {}
"""


def bank_at(tmp_path: Path, text: str = BANK) -> Path:
    path = tmp_path / "bank.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_own_prompts_come_before_shared_ones_in_each_setting(tmp_path):
    prompts = prompts_for(load_bank(bank_at(tmp_path)), "mallard", "Mallard")
    assert [(p.prompt_id, p.name, p.description) for p in prompts] == [
        ("mallard.background.feasible.pond", "pond", "Water: still. # deep"),
        ("mallard.background.infeasible.library", "library", ""),
        ("mallard.background.infeasible.deep-space", "deep space", "Stars."),
        ("mallard.background.infeasible.moon", "moon", ""),
        ("mallard.color.feasible.brown", "brown", ""),
        ("mallard.color.feasible.ash-gray", "ash gray", ""),
    ]
    assert {p.class_id for p in prompts} == {"mallard"}
    assert {p.source for p in prompts} == {"bank"}


def test_entries_know_their_line(tmp_path):
    bank = load_bank(bank_at(tmp_path))
    assert [(entry.name, entry.line) for entry in bank.shared] == [("deep space", 6), ("moon", 8)]
    assert (bank.dataset, bank.noun, sorted(bank.classes)) == ("ponds", "bird", ["Ross's Goose {x}", "mallard"])


@pytest.mark.parametrize(
    ("class_id", "name"),
    [("mallard", "anything"), ("m1", "mallard"), ("m1", "MALLARD!"), ("ross-s-goose-x", "Ross's Goose {x}")],
)
def test_a_class_is_found_by_id_by_name_and_regardless_of_case(tmp_path, class_id, name):
    prompts = prompts_for(load_bank(bank_at(tmp_path)), class_id, name)
    assert prompts[-1].class_id == class_id
    assert "deep space" in [p.name for p in prompts]


def test_a_missing_class_is_named_with_the_nearest_and_all_others(tmp_path):
    path = bank_at(tmp_path)
    with pytest.raises(ConfigError) as error:
        prompts_for(load_bank(path), "malard", "malard")
    assert str(error.value) == (
        f"class 'malard' has no prompts in bank {path}; did you mean 'mallard'? "
        "classes there: Ross's Goose {x}, mallard"
    )


def test_of_many_classes_a_message_names_twenty(tmp_path):
    many = "".join(f"  class {i:03d}: {{}}\n" for i in range(333))
    with pytest.raises(ConfigError, match=r"; classes there: class 000, .*, class 019 and 313 more$"):
        prompts_for(load_bank(bank_at(tmp_path, f"dataset: d\nnoun: n\nclasses:\n{many}")), "x", "zebra")


def test_a_class_that_is_there_twice_is_refused(tmp_path):
    path = bank_at(tmp_path, BANK + "  M1: {}\n  Mallard: {}\n")
    with pytest.raises(ConfigError, match="class 'Mallard' is there as 'M1' and as 'Mallard'; keep one"):
        prompts_for(load_bank(path), "M1", "Mallard")
    with pytest.raises(ConfigError, match="class 'MALLARD' is there as 'mallard' and as 'Mallard'; keep one"):
        prompts_for(load_bank(path), "m2", "MALLARD")


def test_a_bank_with_shared_prompts_alone_serves_every_class(tmp_path):
    bank = load_bank(bank_at(tmp_path, BANK.split("classes:")[0]))
    assert [p.prompt_id for p in prompts_for(bank, "x", "X")] == [
        "x.background.infeasible.deep-space",
        "x.background.infeasible.moon",
    ]


def test_a_class_without_any_prompt_is_an_error(tmp_path):
    path = bank_at(tmp_path, "dataset: d\nnoun: n\nclasses:\n  x: {}\n")
    with pytest.raises(ConfigError, match=r"class 'X' has no prompts in bank .*bank\.yaml; add some under classes\.x"):
        prompts_for(load_bank(path), "x", "X")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("noun: bird", "noum: bird", ":2: unknown key 'noum' in the bank; did you mean 'noun'?"),
        ("noun: bird\n", "", ":1: the bank has no 'noun'"),
        ("    infeasible:\n      - name: deep", "    infeasable:\n      - name: deep", ":5: unknown key 'infeasable'"),
        ("    color:", "    colour:", ":17: unknown key 'colour' in classes.mallard; did you mean 'color'?"),
        ("        description: Stars.", "        desc: Stars.", ":7: unknown key 'desc'"),
        (
            "- name: library",
            "- name: [library]",
            ":13: name of an entry of classes.mallard.background.infeasible must",
        ),
        ("- name: library", "- description: x", ":13: an entry of classes.mallard.background.infeasible has no name"),
        ("- name: library", "- name: ~", ":13: an entry of classes.mallard.background.infeasible has no name"),
        ("[brown, ash gray]", "brown", ":18: classes.mallard.color.feasible must be a list"),
        ("[brown, ash gray]", "[[brown]]", ":18: an entry of classes.mallard.color.feasible must be a mapping"),
        ("shared:\n  background:", "shared:\n  - background:", ":4: shared must be a mapping"),
        ("    color:", "    background:", ":17: key 'background' is twice in classes.mallard, first in line 11"),
        ("  mallard:", "  !!python/object:os.system mallard:", ":10: tag"),
        ("  mallard:", "\tmallard:", ":10: not YAML"),
    ],
)
def test_mistakes_are_named_with_file_and_line(tmp_path, old, new, says):
    assert old in BANK
    path = bank_at(tmp_path, BANK.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_bank(path)
    assert str(error.value).startswith(f"{path}{says}")


def test_a_bank_without_prompts_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=":1: the bank has no prompts; expected 'shared', 'classes' or both"):
        load_bank(bank_at(tmp_path, "dataset: d\nnoun: n\n"))


def test_ids_are_slugs_and_unique():
    taken: set[str] = set()
    names = ["Rosé", "rose", "ROSE!", "😀", "😃", "a/../b {c}", "ein sehr langer Name " * 5]
    ids = [new_prompt_id("c", "color", "feasible", name, taken) for name in names]
    assert ids[:3] == ["c.color.feasible.rose", "c.color.feasible.rose-2", "c.color.feasible.rose-3"]
    assert ids[5] == "c.color.feasible.a-b-c"
    assert len(set(ids)) == len(names) == len(taken)
    assert all(set(i) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") and len(i) < 70 for i in ids)


def test_shipped_banks_are_found_by_name_and_own_ones_by_path(tmp_path):
    assert find_bank("everyday") == shipped_bank("everyday")
    assert find_bank(str(bank_at(tmp_path))) == tmp_path / "bank.yaml"
    with pytest.raises(ConfigError, match=r"no bank called 'everday'.*did you mean 'everyday'\?"):
        find_bank("everday")
    with pytest.raises(ConfigError, match="there is no file"):
        find_bank(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "x"',
        "two\nlines",
        "{x}: [y]",
        "a: b",
        "# c",
        "!!python/object:os.system",
        "- d",
        "🦆 кряква",
        "no",
        "1e3",
    ],
)
def test_hostile_class_names_work_as_keys(tmp_path, name):
    entry = {"name": name, "description": name}
    data = {"dataset": name, "noun": name, "classes": {name: {"color": {"feasible": [entry]}}}}
    bank = load_bank(bank_at(tmp_path, yaml.safe_dump(data, allow_unicode=True)))
    (prompt,) = prompts_for(bank, "c", name)
    assert (prompt.name, prompt.description, bank.noun) == (name, name, name)
    assert prompt.prompt_id.startswith("c.color.feasible.")


def test_prompting_is_light():
    code = (
        "import sys; import varireal.prompts.bank, varireal.prompts.checks, varireal.prompts.deal,"
        " varireal.prompts.class_file; print({'numpy', 'rapidfuzz', 'cv2', 'pandas', 'snakemake'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
