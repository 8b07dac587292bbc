"""``varireal store gc`` on real tables and stores: what it lists, what it deletes, and what it never touches."""

import logging
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from varireal.cli import main
from varireal.core.paths import StudyPaths
from varireal.errors import DataError
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import EDITS, PRIORS
from varireal.tools.store_gc import run

BLANK = {field.name: "" if pa.types.is_string(field.type) else 0 for field in EDITS if not field.nullable}
ONE, FIRST, SECOND = "00000-of-00001", "00000-of-00002", "00001-of-00002"
COLOR = ("color", "feasible", 0)


class Study:
    def __init__(self, root):
        self.root = root
        self.paths = StudyPaths(str(root))

    def store_path(self, setting, shard):
        attribute, feasibility, round_ = setting
        return Path(self.paths.store(f"edits-{attribute}-{feasibility}-round{round_}-{shard}"))

    def store(self, setting, shard, keys):
        path = self.store_path(setting, shard)
        with open_store(path) as items:
            for key in keys:
                items.put(key, b"picture" * 100)
        return path

    def table(self, setting, shard, keys):
        path = Path(self.paths.edits(*setting, shard))
        rows = [{**BLANK, "candidate_id": f"c{n}", "params_digest": key} for n, key in enumerate(keys)]
        tables.write(path, rows, EDITS, stage="edits", digest="x")
        return path

    def keys(self, setting, shard):
        with open_store(self.store_path(setting, shard)) as items:
            return list(items.all_keys())

    def collect(self, delete=True):
        return run(study=self.root, delete=delete)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "demo")


@pytest.fixture
def said(caplog):
    """What was said on the screen."""
    caplog.set_level(logging.INFO, "varireal.tools.store_gc")
    return lambda: [record.getMessage() for record in caplog.records]


def test_what_no_table_uses_is_deleted(study, said):
    path = study.store(COLOR, ONE, "abcd")
    study.table(COLOR, ONE, "bd")
    assert study.collect() == 0
    assert study.keys(COLOR, ONE) == ["b", "d"]
    lines = said()
    assert lines[0].startswith(f"deleted 2 items of {path}")
    assert lines[-1] == "deleted 2 items in all"


def test_listing_deletes_nothing(study, said):
    path = study.store(COLOR, ONE, "abcd")
    study.table(COLOR, ONE, "bd")
    before = path.read_bytes()
    assert study.collect(delete=False) == 0
    assert path.read_bytes() == before
    lines = said()
    assert lines[0].startswith(f"would delete 2 items of {path}")
    assert lines[-1] == "would delete 2 items in all; run again with --delete to do it"


def test_nothing_to_do_is_said(study, said):
    study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, "ab")
    study.collect()
    study.collect(delete=False)
    assert said() == ["deleted 0 items in all", "would delete 0 items in all"]
    assert study.keys(COLOR, ONE) == ["a", "b"]


def test_values_that_are_kept_stay_whole_and_space_is_given_back(study):
    path = study.store(COLOR, ONE, [f"old{n}" for n in range(200)] + ["kept"])
    study.table(COLOR, ONE, ["kept"])
    before = path.stat().st_size
    study.collect()
    assert path.stat().st_size < before / 4
    with open_store(path) as items:
        assert items.get("kept") == b"picture" * 100


def test_items_of_another_shard_count_that_the_tables_use_are_kept(study):
    """After a change of the shard count the present tables live on what the former files hold."""
    study.store(COLOR, FIRST, ["a", "old1"])
    study.store(COLOR, SECOND, ["b", "old2"])
    study.store(COLOR, ONE, ["c"])
    study.table(COLOR, ONE, "abc")
    study.collect()
    assert [study.keys(COLOR, shard) for shard in (FIRST, SECOND, ONE)] == [["a"], ["b"], ["c"]]


def test_what_a_table_of_any_shard_uses_is_kept_in_every_file(study):
    study.store(COLOR, ONE, "abcx")
    study.table(COLOR, FIRST, "a")
    study.table(COLOR, SECOND, "b")
    study.collect()
    assert study.keys(COLOR, ONE) == ["a", "b"]


@pytest.mark.parametrize(
    "other",
    [("color", "infeasible", 0), ("texture", "feasible", 0), ("color", "feasible", 1), ("color", "feasible", 10)],
)
def test_settings_and_rounds_do_not_vouch_for_each_other(study, other):
    study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, "a")
    study.store(other, ONE, "ab")
    study.table(other, ONE, "b")
    study.collect()
    assert (study.keys(COLOR, ONE), study.keys(other, ONE)) == (["a"], ["b"])


def test_a_store_whose_job_has_not_finished_is_left_alone(study):
    unfinished = ("color", "feasible", 1)
    study.store(unfinished, ONE, "ab")
    study.store(COLOR, ONE, "xy")
    study.table(COLOR, ONE, "x")
    study.collect()
    assert study.keys(unfinished, ONE) == ["a", "b"]


def test_a_shard_without_a_table_has_not_finished_either(study):
    study.store(COLOR, FIRST, "ax")
    study.table(COLOR, FIRST, "a")
    study.store(COLOR, SECOND, "bc")
    study.collect()
    assert study.keys(COLOR, SECOND) == ["b", "c"]


def test_a_table_without_rows_needs_nothing(study):
    study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, [])
    study.collect()
    assert study.keys(COLOR, ONE) == []


def test_a_table_without_a_store_makes_none(study):
    study.table(COLOR, ONE, "a")
    study.store_path(COLOR, ONE).parent.mkdir()
    study.collect()
    assert list((study.root / "store").iterdir()) == []


def test_foreign_files_are_not_touched(study):
    study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, "a")
    folder = study.root / "store"
    for name in (f"masks-{ONE}", "images", "edits-color-feasible-round0-copy", f"edits-blur-feasible-round0-{ONE}"):
        with open_store(folder / f"{name}.sqlite") as items:
            items.put("z", b"mine")
    (folder / "notes.txt").write_text("mine")
    (folder / f"edits-color-feasible-round0-{ONE}.sqlite.bak").write_bytes(b"mine")
    mine = {p: p.read_bytes() for p in folder.iterdir() if p != study.store_path(COLOR, ONE)}
    study.collect()
    assert study.keys(COLOR, ONE) == ["a"]
    assert len(mine) == 6
    assert {path: path.read_bytes() for path in mine} == mine
    assert len(list(folder.iterdir())) == 7


def test_tables_are_only_read(study):
    study.store(COLOR, ONE, "ab")
    path = study.table(COLOR, ONE, "a")
    before = path.read_bytes()
    study.collect()
    assert path.read_bytes() == before


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no folder 'store'; expected the folder of a study"):
        run(study=tmp_path, delete=True)


def test_a_damaged_table_deletes_nothing(study):
    study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, "a").write_bytes(b"damaged")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        study.collect()
    assert study.keys(COLOR, ONE) == ["a", "b"]


def test_a_file_that_is_no_store_is_told(study):
    study.table(COLOR, ONE, "a")
    path = study.store_path(COLOR, ONE)
    path.parent.mkdir()
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(DataError, match=f"the item store .*{ONE}.sqlite cannot be used"):
        study.collect()
    assert path.read_bytes() == b"this is not a database" * 100


def test_a_store_that_a_job_is_writing_is_told_and_left(study, monkeypatch):
    monkeypatch.setattr("varireal.store.items._BUSY_SECONDS", 0.05)
    path = study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, "a")
    job = sqlite3.connect(path, isolation_level=None)
    job.execute("BEGIN IMMEDIATE")
    with pytest.raises(DataError, match=r"locked"):
        study.collect()
    job.execute("ROLLBACK")
    job.close()
    assert study.keys(COLOR, ONE) == ["a", "b"]


@pytest.mark.parametrize(("words", "left"), [(["store", "gc"], ["a", "b"]), (["store-gc", "--delete"], ["a"])])
def test_the_command_lists_unless_it_is_told_to_delete(study, words, left):
    study.store(COLOR, ONE, "ab")
    study.table(COLOR, ONE, "a")
    assert main([*words, "--study", str(study.root)]) == 0
    assert study.keys(COLOR, ONE) == left


def test_prior_pictures_of_old_prompts_go_too(study):
    store, table = Path(study.paths.store("priors-color-feasible")), Path(study.paths.priors("color", "feasible"))
    with open_store(store) as items:
        for key in ("needed", "old"):
            items.put(key, b"picture")
    study.collect()  # no table yet: its job has not finished
    with open_store(store) as items:
        assert items.all_keys() == ["needed", "old"]
    row = {
        "prior_id": "needed",
        "text": "x",
        "number": 0,
        "seed": 1,
        "status": "ok",
        "reason": "",
        "image": b"picture",
    }
    tables.write(table, [row], PRIORS, stage="priors", digest="x")
    study.collect(delete=False)
    study.collect()
    with open_store(store) as items:
        assert items.all_keys() == ["needed"]
