import json
import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from varireal.errors import DataError
from varireal.running import job_record
from varireal.running.job_record import GPU_SECONDS, SECONDS, JobRecord, read_record, recorded
from varireal.store.items import open_store


def make(path, **facts):
    return JobRecord(path, {"stage": "edits", "config": "abc", "output": "t", "store": "s", **facts})


def test_a_job_that_ends_well_leaves_its_counts(tmp_path):
    path = tmp_path / "logs" / "job.json"
    with recorded(make(path)):
        running = read_record(path)
        job_record.tick(0, 5)
        job_record.tick(3, 5)
        job_record.tell(counts={"ok": 5})
    assert running["state"] == "running"
    assert running["pid"] > 0
    found = read_record(path)
    assert (found["state"], found["counts"], found["done"], found["total"]) == ("ended", {"ok": 5}, 5, 5)
    assert found["spent"][SECONDS] > 0
    assert found["spent"][GPU_SECONDS] == 0
    assert [one.name for one in path.parent.iterdir()] == ["job.json"]


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError("a\nbad  thing"), "failed"), (KeyboardInterrupt("signal"), "stopped")]
)
def test_how_a_job_ends_is_its_state(tmp_path, error, state):
    with pytest.raises(type(error)), recorded(make(tmp_path / "job.json")):
        job_record.tick(2, 5)
        raise error
    found = read_record(tmp_path / "job.json")
    assert (found["state"], found["done"], found["total"]) == (state, 2, 5)
    assert found["error"] in ("a bad thing", "signal")
    assert job_record.current() is None


def test_what_a_loop_leaves_out_counts_as_done(tmp_path):
    record = make(tmp_path / "job.json")
    record.tick(0, 10)
    record.tick(10, 10)
    assert record.done == 10
    record.tick(1, 4)  # a second loop, over what the first could not do
    assert (record.done, record.total) == (7, 10)
    record = make(None)
    record.expect(100, each=8)
    record.tick(2, 5)  # of five batches that are missing, two are done
    assert record.done == 100 - 3 * 8


def test_a_part_of_an_item_counts_in_the_rate(tmp_path, monkeypatch):
    clock = iter(range(0, 1000, 10))
    record = make(tmp_path / "job.json")
    monkeypatch.setattr(job_record, "time", SimpleNamespace(monotonic=lambda: next(clock), time=time.time))
    record.tick(0, 2)
    record.within(0.5, begins=True)  # was trained by an attempt before this one
    begun = record._marks[-1][0]
    record.within(0.75)
    record._marks.append((begun + 50, record.done + record.part))
    record._write()
    noted = read_record(tmp_path / "job.json")
    assert (noted["done"], noted["part"], noted["total"]) == (0, 0.75, 2)
    assert noted["rate"] == pytest.approx(0.25 / 50)
    record.tick(1, 2)
    record._write()
    assert "part" not in read_record(tmp_path / "job.json")


def test_signs_of_life_and_rate_come_while_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(job_record, "_BETWEEN_WRITES", 0.05)
    path = tmp_path / "job.json"
    with recorded(make(path)):
        first = read_record(path)["seen"]
        for done in range(1, 9):
            job_record.tick(done, 100)
            time.sleep(0.05)
        found = read_record(path)
    assert found["seen"] > first
    assert found["done"] >= 5
    assert 5 < found["rate"] < 40


def test_a_folder_that_cannot_be_written_ends_no_job(tmp_path):
    (tmp_path / "file").write_text("")
    with recorded(make(tmp_path / "file" / "job.json")):
        job_record.tick(1, 1)


def test_amounts_are_kept_with_the_items_and_add_up_over_attempts(tmp_path, monkeypatch):
    monkeypatch.setattr(job_record, "uses_gpu", lambda: True)
    path, store = tmp_path / "job.json", tmp_path / "edits.sqlite"
    for attempt in range(2):
        with recorded(make(path)), open_store(store) as kept:
            time.sleep(0.05)
            kept.put(f"key{attempt}", b"v")
            during = dict(kept.spent)
            kept.put_many([("paid", b"v")], {"calls:m": 1, "sent:m": 20})
        assert during[GPU_SECONDS] >= 0.05 * (attempt + 1)
    with open_store(store) as kept:
        spent = dict(kept.spent)
    assert spent["calls:m"] == 2
    assert spent["sent:m"] == 40
    assert (
        spent[GPU_SECONDS]
        == pytest.approx(spent[SECONDS])
        == pytest.approx(read_record(path)["spent"][SECONDS], abs=0.05)
    )


def test_without_a_store_the_record_itself_remembers(tmp_path):
    path = tmp_path / "job.json"
    for _ in range(2):
        with recorded(make(path)):
            time.sleep(0.05)
    assert read_record(path)["spent"][SECONDS] >= 0.1


def test_amounts_of_a_transaction_that_failed_are_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("varireal.store.items._BUSY_SECONDS", 0.1)
    path = tmp_path / "s.sqlite"
    with recorded(make(None)), open_store(path) as kept:
        time.sleep(0.02)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DataError, match="locked"):
                kept.put("key", b"v")
        assert kept.spent == {}
        kept.put("key", b"v")
        assert kept.spent[SECONDS] >= 0.12


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"spent": 3}'])
def test_what_is_no_record_is_none(tmp_path, text):
    (tmp_path / "job.json").write_text(text)
    assert read_record(tmp_path / "job.json") is None
    assert read_record(tmp_path / "none.json") is None


def test_permit_asks_every_check_and_nothing_without_a_job(tmp_path):
    job_record.permit(1.0)
    record, asked = make(None), []
    record.checks += [asked.append, asked.append]
    with recorded(record):
        job_record.permit(2.5)
    assert asked == [2.5, 2.5]


def test_the_file_is_json_that_other_programs_read(tmp_path):
    with recorded(make(tmp_path / "job.json")):
        pass
    found = json.loads((tmp_path / "job.json").read_text())
    assert {"stage", "state", "host", "pid", "started", "seen", "done", "total", "rate", "spent"} <= set(found)
