"""Which pairs of a large study the report shows."""

import random
from collections import Counter
from itertools import product

import pytest
from dataset_study import Study

from varireal.errors import DataError
from varireal.reporting.source import ChosenPairs, Draw, choose_pairs

ATTRIBUTES = ("background", "color", "texture")
CLASSES = [f"class-{n}" for n in range(7)]
PAIRS = [
    (class_id, attribute, int(n % 10 == 0) + int(n % 50 == 0), f"{class_id}.{attribute}.{n}")
    for class_id, attribute, n in product(CLASSES, ATTRIBUTES, range(200))
]


def drawn(pairs, limit):
    draw = Draw(limit)
    for pair in pairs:
        draw.add(*pair)
    assert draw.total == len(pairs)
    return draw.pairs()


def by(pairs, shown, place):
    return Counter(pair[place] for pair in pairs if pair[3] in shown)


@pytest.mark.parametrize("limit", [1, 5, 40, 210, 1000])
def test_the_draw_does_not_depend_on_the_order(limit):
    # with the smaller limits most pairs are let go on the way, each time others
    shuffled = PAIRS.copy()
    random.Random(3).shuffle(shuffled)
    shown = drawn(PAIRS, limit)
    assert len(shown) == limit
    assert drawn(shuffled, limit) == drawn(PAIRS[::-1], limit) == shown


def test_what_is_let_go_on_the_way_would_not_be_drawn(monkeypatch):
    shown = drawn(PAIRS, 60)
    monkeypatch.setattr("varireal.reporting.source._HELD", 10**6)
    assert drawn(PAIRS, 60) == shown


def test_classes_attributes_and_outcomes_are_even():
    shown = drawn(PAIRS, 7 * 18)
    assert set(by(PAIRS, shown, 0).values()) == {18}
    for class_id in CLASSES:
        own = [pair for pair in PAIRS if pair[0] == class_id]
        assert set(by(own, shown, 1).values()) == {6}
        assert set(by(own, shown, 2).values()) == {6}


def test_what_a_class_or_an_outcome_lacks_goes_to_the_others():
    # 4 of 200 pairs of an attribute failed, and one class has 3 pairs only
    few = [("small", "color", 0, f"small.{n}") for n in range(3)]
    shown = drawn(PAIRS + few, 7 * 45 + 3)
    assert by(PAIRS + few, shown, 0) == {**dict.fromkeys(CLASSES, 45), "small": 3}
    own = [pair for pair in PAIRS if pair[0] == "class-4"]
    assert by(own, shown, 2)[2] == 12
    assert set(by(own, shown, 1).values()) <= {14, 15, 16}


def test_fewer_places_than_classes_or_groups_are_spread_too():
    shown = drawn(PAIRS, 4)
    assert set(by(PAIRS, shown, 0).values()) == {1}
    shown = drawn(PAIRS, 7 * 5 + 3)
    assert sorted(by(PAIRS, shown, 0).values()) == [5, 5, 5, 5, 6, 6, 6]


def test_a_changed_outcome_moves_few_pairs():
    shown = drawn(PAIRS, 400)
    changed = [(*pair[:2], 1, pair[3]) if pair[3] == "class-3.color.17" else pair for pair in PAIRS]
    moved = shown ^ drawn(changed, 400)
    assert len(moved) <= 4
    assert {pair.partition(".")[0] for pair in moved} <= {"class-3"}


def test_a_study_up_to_the_limit_is_shown_whole():
    assert drawn(PAIRS, len(PAIRS)) == {pair[3] for pair in PAIRS}
    assert drawn([], 5) == frozenset()
    assert ChosenPairs(frozenset("ab"), 2).sentence == ""
    assert ChosenPairs(frozenset("ab"), 3000).sentence.startswith("2 of 3,000 pairs are shown, drawn by a digest")


def test_few_pairs_more_than_shown_are_held():
    draw = Draw(10)
    held = []
    for pair in PAIRS:
        draw.add(*pair)
        held.append(len(draw._tickets))
    assert max(held) < 80


def choose(study, limit):
    return choose_pairs(
        study.paths, attributes=study.attributes, shards=study.shards, rounds=study.rounds, limit=limit
    )


def test_a_pair_has_the_outcome_of_its_worse_arm_in_its_last_round(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(Draw, "add", lambda self, *pair: seen.update({pair[3]: pair[:3]}))

    def says(edit):
        number = edit["image_id"][-1]
        if number == "0":  # accepted in the second round
            return [] if edit["round"] else ["seam: visible"]
        if number == "1" and edit["feasibility"] == "feasible":  # never accepted
            return ["leak"]
        if number == "2":
            return ["edit_failed"] if edit["feasibility"] == "infeasible" else ["seam"]
        return []

    study = Study(tmp_path / "demo", photos=4, attributes=("color",), shards=2, says=says).write()
    choose(study, 5)
    assert seen == {
        f"{class_id}-{n}.color.k0": (class_id, "color", outcome)
        for class_id in ("egret", "gull")
        for n, outcome in enumerate((0, 1, 2, 0))
    }


@pytest.mark.parametrize("limit", [1, 1000])
def test_pairs_of_a_study_whatever_its_shards(tmp_path, limit):
    found = [
        choose(Study(tmp_path / str(shards), photos=3, per_image=2, shards=shards).write(), limit) for shards in (1, 3)
    ]
    assert found[0] == found[1]
    assert found[0].total == 2 * 3 * 2 * 2
    assert len(found[0].pairs) == min(limit, 24)


def test_a_candidate_without_a_verdict_is_an_error_though_it_is_not_shown(tmp_path):
    study = Study(tmp_path / "demo", photos=6).write()
    (shown,) = choose(study, 1).pairs
    lost = next(
        f"{class_id}-{n}.texture.infeasible.k0.r0"
        for class_id, n in product(study.classes, range(6))
        if shown != f"{class_id}-{n}.texture.k0"
    )
    forget(study, lost)
    with pytest.raises(DataError, match=f"no verdict on {lost} of .*; run the stage verdicts again"):
        choose(study, 1)


def forget(study, candidate_id):
    """Take one verdict out of its table."""
    from varireal.store import tables
    from varireal.store.schemas import VERDICTS

    for path in study.verdicts:
        rows = [row for row in tables.read(path, VERDICTS) if row["candidate_id"] != candidate_id]
        tables.write(path, rows, VERDICTS, stage="verdicts", digest="x")


def test_no_picture_is_read_to_choose(tmp_path, monkeypatch):
    from varireal.store import tables

    columns = set()
    whole = tables.batches

    def noted(path, schema, names, *, at_once):
        columns.update(names)
        return whole(path, schema, names, at_once=at_once)

    monkeypatch.setattr(tables, "batches", noted)
    choose(Study(tmp_path / "demo").write(), 3)
    assert columns == {"candidate_id", "pair_id", "class_id", "status", "accepted"}
