import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from kit import environment
from varireal.core.paths import StudyPaths
from varireal.errors import DataError
from varireal.running.job_record import read_store
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import EDITS, VERDICTS
from varireal.tools import status as status_command
from varireal.tools.status import as_json
from varireal.tools.status_study import Observer
from watched_study import SMALL, Watched

SHARD = "00000-of-00002"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    config = {**SMALL, "study": SMALL["study"] | {"shards": 2}}
    return Watched(tmp_path_factory.mktemp("watched"), config).make()


@pytest.fixture
def root(made, tmp_path):
    """A copy to take apart."""
    shutil.copytree(made.root, tmp_path / "tiny", copy_function=shutil.copy2)
    return tmp_path / "tiny"


def stages(root):
    return {stage["stage"]: stage for stage in as_json(Observer(root).look())["stages"]}


def rows(root, kind, schema, columns):
    return [row for path in (root / kind).rglob("*.parquet") for row in tables.read(path, schema, columns)]


def record_of(root, name):
    path = root / "logs" / f"{name}.json"
    return path, json.loads(path.read_text())


def change(root, name, **facts):
    path, record = record_of(root, name)
    path.write_text(json.dumps(record | facts))


def test_numbers_are_those_of_the_tables(root):
    found = stages(root)
    edits, verdicts = rows(root, "edits", EDITS, ["status"]), rows(root, "verdicts", VERDICTS, ["accepted"])
    assert found["images"]["items"] == {"total": 14, "exact": True, "done": 14, "failed": {}, "left": 0}
    assert found["masks"]["items"]["total"] == found["masks"]["items"]["done"] == 6
    assert found["masks"]["jobs"]["ended"] == 2
    assert found["prompts"]["items"]["done"] == 2
    assert found["edits"]["items"]["done"] == found["edits"]["items"]["total"] == len(edits)
    assert found["edits"]["jobs"] == {
        **{"total": 8, "ended": 8, "running": 0, "silent": 0, "failed": 0, "stopped": 0, "waiting": 0, "outdated": 0}
    }
    accepted = sum(row["accepted"] for row in verdicts)
    acceptance = {"accepted": accepted, "judged": len(verdicts), "rate": accepted / len(verdicts)}
    assert found["verdicts"]["acceptance"] == acceptance
    assert found["edits"]["seconds_per_item"] > 0
    assert found["edits"]["gpu_hours"] == found["edits"]["usd"] == 0
    assert (found["dataset"]["items"]["left"], found["report"]["items"]["left"]) == (1, 1)
    assert found["adapters"]["items"]["total"] == 0


def test_settings_have_their_own_rates(root):
    settings = Observer(root).look().settings
    assert [(one.attribute, one.feasibility, one.wanted) for one in settings] == [
        ("color", "feasible", 6),
        ("color", "infeasible", 6),
    ]
    assert sum(one.candidates for one in settings) == len(rows(root, "edits", EDITS, ["k"]))
    assert all(one.accept_rate == one.accepted / one.judged for one in settings)


def test_failures_are_told_by_status(root):
    change(root, f"masks/{SHARD}", counts={"ok": 1, "mask_not_found": 2})
    assert stages(root)["masks"]["items"]["failed"] == {"mask_not_found": 2}


def test_without_records_the_tables_are_read(root):
    before = stages(root)
    for path in (root / "logs").rglob("*.json"):
        path.unlink()
    after = stages(root)
    for stage in ("images", "masks", "edits", "verdicts"):
        assert after[stage]["items"] == before[stage]["items"]
        assert after[stage]["acceptance"] == before[stage]["acceptance"]
        assert after[stage]["jobs"] == before[stage]["jobs"]
    assert after["edits"]["gpu_hours"] is None
    assert after["edits"]["usd"] is None
    assert after["edits"]["seconds_per_item"] is None


def test_later_rounds_are_known_once_the_round_before_is_judged(root):
    whole = stages(root)["edits"]["items"]
    for kind in ("edits", "verdicts"):
        shutil.rmtree(root / kind / "color" / "feasible" / "round1")
    for path in (root / "logs").rglob("round1/*.json"):
        path.unlink()
    for path in (root / "store").glob("*round1*"):
        path.unlink()
    known = stages(root)["edits"]["items"]
    assert known["exact"]
    assert known["total"] == whole["total"]
    assert known["left"] == known["total"] - known["done"]
    shutil.rmtree(root / "verdicts" / "color" / "feasible" / "round0")
    unknown = stages(root)["edits"]["items"]
    assert not unknown["exact"]
    assert stages(root)["verdicts"]["items"]["left"] >= 6


def test_items_of_an_unfinished_job_are_in_its_store(root):
    place = f"edits/color/feasible/round0/{SHARD}"
    rows_there = record_of(root, place)[1]["total"]
    before = stages(root)["edits"]["items"]["done"]
    (root / f"{place}.parquet").unlink()
    assert stages(root)["edits"]["items"]["done"] == before  # all of them are kept
    (root / "logs" / f"{place}.json").unlink()
    assert stages(root)["edits"]["items"]["done"] == before
    store = root / "store" / f"edits-color-feasible-round0-{SHARD}.sqlite"
    store.unlink()
    assert stages(root)["edits"]["items"]["done"] == before - rows_there
    assert stages(root)["edits"]["jobs"]["waiting"] == 1


def test_jobs_at_work_have_place_rate_and_time_left(root):
    place = f"edits/color/infeasible/round0/{SHARD}"
    (root / f"{place}.parquet").unlink()
    now = time.time()
    facts = {"state": "running", "seen": now - 5, "started": now - 60, "done": 1, "total": 3, "rate": 0.5}
    change(root, place, **facts, host="node7", pid=42)
    found = as_json(Observer(root).look())
    job = found["running"][0]
    assert (job["job"], job["host"], job["pid"], job["done"], job["total"]) == (place, "node7", 42, 1, 3)
    assert job["eta_seconds"] == pytest.approx(4)
    edits = next(stage for stage in found["stages"] if stage["stage"] == "edits")
    assert edits["jobs"]["running"] == 1
    assert edits["rate_per_second"] == 0.5
    assert edits["eta_seconds"] == pytest.approx(edits["items"]["left"] / 0.5)
    change(root, place, **facts | {"seen": now - 600})
    found = as_json(Observer(root).look())
    assert found["running"][0]["state"] == "silent"
    assert found["running"][0]["eta_seconds"] is None
    assert any("no sign of life from node7" in note for note in found["notes"])


def test_a_failed_job_says_why(root):
    place = f"verdicts/color/feasible/round1/{SHARD}"
    (root / f"{place}.parquet").unlink()
    change(root, place, state="failed", error="the table is damaged")
    found = Observer(root).look()
    assert any(place in note and "the table is damaged" in note for note in found.notes)
    assert stages(root)["verdicts"]["jobs"]["failed"] == 1


def test_a_stopped_job_says_by_what(root):
    place = f"edits/color/feasible/round1/{SHARD}"
    (root / f"{place}.parquet").unlink()
    change(root, place, state="stopped", error="stopped by SIGTERM; 2 answers were given up; the rest is kept")
    found = Observer(root).look()
    assert f"{place} ended early: stopped by SIGTERM; 2 answers were given up; the rest is kept" in found.notes
    assert stages(root)["edits"]["jobs"]["stopped"] == 1


def test_a_table_of_another_config_is_outdated_with_and_without_its_record(root):
    path = root / "config" / "verdicts.json"
    found = json.loads(path.read_text())
    found["verdicts"]["gates"]["leak_mean"] = 0.123
    path.write_text(json.dumps(found) + "\n")
    assert stages(root)["verdicts"]["jobs"]["outdated"] == 8
    for record in (root / "logs" / "verdicts").rglob("*.json"):
        record.unlink()
    assert stages(root)["verdicts"]["jobs"]["outdated"] == 8
    assert stages(root)["edits"]["jobs"]["outdated"] == 0


def test_damaged_files_are_said_and_do_not_stop_it(root):
    table = root / f"edits/color/feasible/round0/{SHARD}.parquet"
    table.write_bytes(table.read_bytes()[:-40])
    other = f"edits/color/infeasible/round0/{SHARD}"
    (root / f"{other}.parquet").unlink()
    (root / "store" / f"edits-color-infeasible-round0-{SHARD}.sqlite").write_bytes(b"no database at all" * 300)
    (root / "logs" / "images.json").write_text("{")
    (root / "logs" / "masks" / f"{SHARD}.json").write_text('{"stage": "masks", "state": "ended", "spent": {"a": "b"}}')
    found = Observer(root).look()
    assert any("cannot be read" in note and table.name in note for note in found.notes)
    assert any("is damaged" in note for note in found.notes)
    numbers = stages(root)
    assert numbers["edits"]["jobs"]["failed"] == 1
    assert numbers["images"]["items"]["done"] == 14
    assert numbers["masks"]["items"]["done"] == 6


def test_a_store_that_is_being_written_is_said_and_not_blocked(tmp_path):
    path = tmp_path / "edits-x.sqlite"
    with open_store(path) as store:
        store.put("a", b"1")
        assert read_store(path).items == 1
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            start = time.monotonic()
            assert "is being written just now" in read_store(path).problem
            assert time.monotonic() - start < 2
            writer.execute("INSERT INTO items VALUES ('b', x'00')")
            writer.execute("COMMIT")
    assert read_store(path).items == 2
    assert read_store(tmp_path / "none.sqlite") is None


def test_a_store_of_an_older_version_is_counted(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as old:
        old.execute("CREATE TABLE items (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
        old.execute("INSERT INTO items VALUES ('a', x'00')")
        old.commit()
    assert (read_store(tmp_path / "old.sqlite").items, read_store(tmp_path / "old.sqlite").spent) == (1, {})


def test_spending_of_killed_jobs_and_of_another_number_of_shards_counts(root):
    place = f"edits/color/feasible/round0/{SHARD}"
    store = f"edits-color-feasible-round0-{SHARD}.sqlite"
    with closing(sqlite3.connect(root / "store" / store)) as kept:
        kept.execute("UPDATE spending SET amount = 7200 WHERE what = 'seconds'")
        kept.execute("INSERT INTO spending VALUES ('gpu_seconds', 7200)")
        kept.commit()
    change(root, place, state="running", seen=time.time() - 3600, spent={"gpu_seconds": 3600.0})
    assert stages(root)["edits"]["gpu_hours"] == pytest.approx(2)
    path, record = record_of(root, f"edits/color/feasible/round1/{SHARD}")
    old = record | {"spent": {"gpu_seconds": 1800.0}}
    (path.parent / "00000-of-00009.json").write_text(json.dumps(old))
    found = stages(root)
    assert found["edits"]["gpu_hours"] == pytest.approx(2.5)
    assert found["edits"]["jobs"]["total"] == 8


def test_money_is_counted_calls_and_tokens_by_the_prices_of_now(root):
    path = root / "config" / "machine.json"
    machine = json.loads(path.read_text())
    machine["judging"]["prices"] = {"m": {"input": 1.0, "output": 10.0}}
    machine["budget"]["usd"] = 5.0
    path.write_text(json.dumps(machine))
    spent = {"calls:m": 4.0, "sent:m": 1_000_000.0, "answered:m": 100_000.0}
    change(root, f"verdicts/color/feasible/round0/{SHARD}", spent=spent)
    found = Observer(root).look()
    assert found.usd == pytest.approx(2.0)
    assert found.budget == {"usd": 5.0, "gpu_hours": None, "disk_gb": None}
    change(root, f"verdicts/color/feasible/round0/{SHARD}", spent={"calls:unpriced": 1.0})
    assert Observer(root).look().usd is None


def test_nothing_is_known_of_an_empty_folder(tmp_path):
    found = as_json(Observer(tmp_path).look())
    assert not found["finished"]
    assert {stage["stage"]: stage["items"]["total"] for stage in found["stages"]} == {
        **dict.fromkeys(("images", "prompts", "masks", "priors", "edits", "verdicts", "adapters", "predictions")),
        **{"dataset": 1, "report": 1},
    }
    assert "nothing was started yet" in found["notes"][0]
    with pytest.raises(DataError, match="is not a folder"):
        Observer(tmp_path / "none")


def test_a_study_without_classifiers_is_finished_with_its_report(root):
    paths = StudyPaths(str(root))
    for name in (paths.funnel, paths.report_copy):
        assert not Observer(root).look().finished
        (root / name.removeprefix(f"{root}/")).parent.mkdir(exist_ok=True)
        (root / name.removeprefix(f"{root}/")).write_bytes(b"")
    found = Observer(root).look()
    assert [stage.stage for stage in found.stages if stage.left != 0] == ["dataset"]  # an empty table is damaged


def test_watching_reads_what_changed_and_nothing_else(root, monkeypatch):
    observer = Observer(root)
    before = observer.look()
    read = []
    monkeypatch.setattr("varireal.running.job_record.read_record", lambda path: read.append(path))
    assert observer.look().stages == before.stages
    assert read == []


def run(*args):
    return subprocess.run(
        [sys.executable, "-m", "varireal", "status", *map(str, args)],
        capture_output=True,
        text=True,
        env=environment(),
    )


def test_the_command_prints_a_table_without_colour_and_json(made):
    table = run(made.root)
    assert table.returncode == 0, table.stderr
    assert "\x1b" not in table.stdout
    assert "color/infeasible" in table.stdout
    assert len(table.stdout.splitlines()[1].split()) >= 4
    found = json.loads(run(made.root, "--json").stdout)
    assert found["schema"] == 1
    assert found["study"] == str(made.root)
    missing = run(made.root / "nothing")
    assert missing.returncode == 2
    assert "is not a folder" in missing.stderr


def test_it_loads_neither_pyarrow_nor_pydantic_nor_numpy(made):
    code = (
        "import sys; from pathlib import Path; from varireal.tools.status import run;"
        f"run(study=Path({str(made.root)!r}), json_=False, watch=False);"
        "print([name for name in ('pyarrow', 'pydantic', 'numpy', 'snakemake', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_watch_goes_on_until_the_study_is_finished(made, monkeypatch, capsys):
    looks = iter([False, False, True])

    class Ending(Observer):
        def look(self):
            found = super().look()
            found.finished = next(looks)
            return found

    monkeypatch.setattr(status_command, "Observer", Ending)
    monkeypatch.setattr(status_command, "_BETWEEN_LOOKS", 0.01)
    assert status_command.run(study=made.root, json_=True, watch=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["finished"] for line in lines] == [False, False, True]


def test_ctrl_c_ends_watching_in_good_order(made, monkeypatch):
    def interrupt(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(status_command.time, "sleep", interrupt)
    assert status_command.run(study=made.root, json_=False, watch=True) == 0
