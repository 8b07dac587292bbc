import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from varireal.config.slices import DatasetSlice
from varireal.config.study import DatasetConfig
from varireal.core.files import one_line
from varireal.exports.datacard import CardFacts, Making, markdown, render_card
from varireal.store.schemas import DATASET

SETTINGS = ("color/feasible", "color/infeasible")


def row(class_id, name, feasibility, wanted, accepted):
    short = wanted - accepted
    return {
        "class_id": class_id,
        "class_name": name,
        "attribute": "color",
        "feasibility": feasibility,
        "wanted": wanted,
        "made": wanted,
        "accepted": accepted,
        "short": short,
        "reasons": json.dumps({"seam": short} if short else {}),
    }


def sums(wanted, accepted, **reasons):
    return {
        "wanted": wanted,
        "made": wanted,
        "accepted": accepted,
        "short": wanted - accepted,
        "reasons": reasons,
    }


def facts(name="Snowy egret", *, license_="cc-by-4.0", **changes):
    config = DatasetSlice(
        study="demo",
        seed=22,
        noun="bird",
        classes={"egret": name},
        attributes=("color",),
        shards=1,
        rounds=1,
        per_image=1,
        dataset=DatasetConfig(license=license_, source_license="CC0 1.0"),
    )
    base = CardFacts(
        config=config,
        digest="0123abcd",
        rows=[row("egret", name, "feasible", 12, 12), row("egret", name, "infeasible", 12, 9)],
        settings={SETTINGS[0]: sums(12, 12), SETTINGS[1]: sums(12, 9, seam=3), "all": sums(24, 21, seam=3)},
        pairs={"color": 9},
        prompts={SETTINGS[0]: {"hot pink": 7, "white": 5}},
        backends={"editors": ["procedural"], "segmenters": ["provided"], "judges": ["receipt"]},
        making=[Making("edits", 1, "feed", {"numpy": "2.4.6"}, None)],
        manifest="manifest.parquet",
        funnel="funnel.csv",
    )
    return replace(base, **changes)


def split(card):
    start, front, body = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front), body


def table_lines(card):
    return [line for line in card.splitlines() if line.startswith("|")]


def cells(line):
    """Cells of a line of a table, as GitHub splits it: an escaped bar does not count."""
    return line.replace("\\|", "").count("|") - 1


def test_the_front_matter_lets_the_loader_find_the_data():
    front, _ = split(render_card(facts()))
    assert front["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}
    ]
    assert front["license"] == "cc-by-4.0"
    assert front["task_categories"] == ["image-classification"]
    assert "synthetic" in front["tags"]
    assert front["size_categories"] == ["n<1K"]


def test_a_licence_that_is_no_identifier_is_named_in_full():
    front, body = split(render_card(facts(license_="CC BY: 4.0\n---\nevil: 1")))
    assert (front["license"], front["license_name"]) == ("other", "CC BY: 4.0 --- evil: 1")
    assert "evil" not in front
    assert "| licence of the pictures | CC BY: 4.0 --- evil: 1 |" in body


@pytest.mark.parametrize(
    ("count", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**5, "100K<n<1M"), (10**8, "10M<n<100M")]
)
def test_the_size_category_follows_the_count(count, size):
    settings = {"color/feasible": sums(count, count), "all": sums(count, count)}
    assert split(render_card(facts(settings=settings)))[0]["size_categories"] == [size]


def test_counts_and_shortfall_are_stated():
    card = render_card(facts())
    assert "| pictures | 21 of 24 wanted, 3 short |" in card
    assert "**3 of 24 pictures are missing.**" in card
    assert "| color/infeasible | 12 | 12 | 9 | 3 | seam 3 |" in card
    assert "| Snowy egret | egret | 12/12 | 9/12 |" in card
    assert "| complete pairs | color 9 |" in card
    assert "[the manifest of every candidate](manifest.parquet)" in card


def test_nothing_missing_is_stated_too():
    settings = {SETTINGS[0]: sums(12, 12), "all": sums(12, 12)}
    card = render_card(facts(settings=settings))
    assert "No picture is missing." in card
    assert "are missing" not in card


def test_origin_seed_versions_and_licences_are_on_the_card():
    card = render_card(facts())
    assert "| edits | 1 | feed |" in card
    assert "Packages: numpy 2.4.6." in card
    assert "digest of the config of this stage: 0123abcd" in card
    assert "- editors: procedural" in card
    assert "- seed of the study: 22;" in card
    assert "Photos that they were made from: CC0 1.0." in card


def test_the_strictest_licence_of_models_and_photos_is_named():
    base = facts()
    licences = {"org/free": "apache-2.0", "org/b|ar": "flux-1-dev-non-commercial-license"}
    card = render_card(replace(base, config=base.config.model_copy(update={"licences": licences})))
    assert "Effective licence of the models and the photos: **non-commercial, because of org/b\\|ar (" in card
    assert "| org/free | apache-2.0 |" in table_lines(card)
    assert "no legal advice" in card
    assert "No model with a licence of its own was used." not in card


def test_without_models_the_card_says_so_and_no_more():
    card = render_card(facts())
    assert card.rstrip().endswith("No model with a licence of its own was used.")
    assert "Effective" not in card


def test_gates_are_listed_when_the_tables_hold_them():
    gates = {"color": {"max_seam": 1.5, "min_changed": None}, "texture": {"max_seam": 2.0}}
    card = render_card(facts(making=[Making("verdicts", 1, "feed", {}, gates)]))
    assert "| color | max\\_seam | 1.5 |" in card
    assert "min\\_changed" not in card
    assert "| texture |" not in card  # not an attribute of this study
    assert "config/verdicts.json" not in card
    assert "The limits are in the study's `config/verdicts.json`." in render_card(facts())


def test_every_column_is_explained():
    card = render_card(facts())
    for field in DATASET:
        assert f"| `{field.name}` |" in card
    assert "| unique in the study |" in card


def test_the_most_frequent_prompts_are_named_and_the_others_counted():
    counts = {f"p{number:02d}": 1 for number in range(20)} | {"hot pink": 7}
    card = render_card(facts(prompts={SETTINGS[0]: counts}))
    assert "| color/feasible | hot pink (7), p00 (1)," in card
    assert "p10 (1), and 9 more |" in card
    assert "p11" not in card


def test_the_same_facts_give_the_same_card():
    assert render_card(facts()) == render_card(facts())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Baird's sparrow", "Baird's sparrow"),
        ("a | b", "a \\| b"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("[x](javascript:1)", "\\[x\\](javascript:1)"),
        ("![y](http://z)", "\\!\\[y\\](http:\\//z)"),
        ("`c` *d* _e_ ~f~ $g$ h\\", "\\`c\\` \\*d\\* \\_e\\_ \\~f\\~ \\$g\\$ h\\\\"),
        ("two\nlines\r\n\n# title\u2028x", "two lines # title x"),
        ("\u202eevil\x1b[31m\x00", "evil \\[31m"),
        ("{{ 7 * 7 }}", "{{ 7 \\* 7 }}"),
        ("鳥 a\u200db", "鳥 a\u200db"),
        (3, "3"),
    ],
)
def test_a_value_is_shown_literally(text, shown):
    assert markdown(text) == shown


@settings(max_examples=40, deadline=None)
@given(st.text())
def test_no_class_name_changes_the_form_of_the_card(name):
    plain = render_card(facts("x"))
    card = render_card(facts(name))
    assert split(card)[0] == split(plain)[0]
    assert len(card.splitlines()) == len(plain.splitlines())
    assert [cells(line) for line in table_lines(card)] == [cells(line) for line in table_lines(plain)]
    assert card.count("<") == plain.count("<")


@settings(deadline=None)
@given(st.text(), st.text())
def test_one_line_is_one_printable_line(before, after):
    text = one_line(f"{before}\n{after}")
    assert len(text.splitlines()) <= 1
    assert text == text.strip()
    assert one_line(text) == text
    text.encode("utf-8")


def test_one_line_keeps_ordinary_text():
    assert one_line("O’Brien 鳥  x\tz") == "O’Brien 鳥 x z"
