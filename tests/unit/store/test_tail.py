"""Items that come in quick succession: gathered beside the store, and neither lost nor counted twice."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

from varireal.store import items as store_module
from varireal.store.items import ItemStore, open_store
from varireal.store.tail import Tail, read_tail


def in_database(path):
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        items = dict(connection.execute("SELECT key, value FROM items"))
        return items, dict(connection.execute("SELECT what, amount FROM spending"))


@pytest.fixture(autouse=True)
def long_second(monkeypatch):
    """The first item is waited for, all others are gathered."""
    monkeypatch.setattr(store_module, "_GATHERED_SECONDS", 1000.0)


@pytest.fixture
def killed(tmp_path):
    """Files of a store whose process died: one item in the database, two beside it, ten seconds spent for each."""
    path = tmp_path / "edits-a-00000-of-00001.sqlite"
    script = """
        import os, sys
        from pathlib import Path
        from varireal.store import items as store
        store._GATHERED_SECONDS = 1000.0
        with store.open_store(Path(sys.argv[1])) as kept:
            kept.due = lambda: {"seconds": 10.0}
            for key in ("first", "second", "third"):
                kept.put(key, key.encode() * 100)
            os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)])
    assert done.returncode == -signal.SIGKILL
    assert set(in_database(path)[0]) == {"first"}
    return path


def test_gathered_items_are_found_and_end_in_the_database(tmp_path):
    path = tmp_path / "a.sqlite"
    with open_store(path) as kept:
        for number in range(5):
            kept.put(str(number), b"v%d" % number)
        kept.put("3", b"another")
        assert set(in_database(path)[0]) == {"0"}
        assert kept.get("3") == b"another"
        assert kept.get("4") == b"v4"
        assert kept.all_keys() == ["0", "1", "2", "3", "4"]
    assert in_database(path)[0] == {"0": b"v0", "1": b"v1", "2": b"v2", "3": b"another", "4": b"v4"}
    assert sorted(tmp_path.iterdir()) == [path]


def test_items_that_come_slowly_are_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_GATHERED_SECONDS", 0.0)
    path = tmp_path / "a.sqlite"
    with open_store(path) as kept:
        for number in range(3):
            kept.put(str(number), b"v")
            assert len(in_database(path)[0]) == number + 1


def test_what_costs_money_is_waited_for(tmp_path):
    path = tmp_path / "a.sqlite"
    with open_store(path) as kept:
        kept.put("free", b"v")
        kept.put("gathered", b"v")
        kept.put_many([("paid", b"v")], {"usd": 0.25})
        assert in_database(path) == ({"free": b"v", "gathered": b"v", "paid": b"v"}, {"usd": 0.25})


@pytest.mark.parametrize(("name", "value"), [("_LARGE_BYTES", 10), ("_GATHERED_BYTES", 10), ("_MUCH_ROOM", 1 << 62)])
def test_large_items_and_full_disks_gather_nothing(tmp_path, monkeypatch, name, value):
    monkeypatch.setattr(store_module, name, value)
    path = tmp_path / "a.sqlite"
    with open_store(path) as kept:
        for number in range(3):
            kept.put(str(number), b"v" * 100)
        assert len(in_database(path)[0]) == 3


def test_a_killed_process_loses_nothing(killed):
    with open_store(killed) as kept:
        assert [kept.get(key) for key in ("first", "second", "third")] == [
            b"first" * 100,
            b"second" * 100,
            b"third" * 100,
        ]
        assert kept.spent == {"seconds": 30.0}
    items, spent = in_database(killed)
    assert len(items) == 3
    assert spent == {"seconds": 30.0}
    assert list(killed.parent.iterdir()) == [killed]


def test_a_kill_between_database_and_file_counts_nothing_twice(killed):
    tail = killed.with_name(f"{killed.name}-tail")
    shutil.copy(tail, f"{tail}.before")
    with open_store(killed):
        pass
    tail.with_name(f"{tail.name}.before").replace(tail)  # as if the process had died before it emptied the file
    with open_store(killed) as kept:
        assert kept.spent == {"seconds": 30.0}
        kept.put("fourth", b"4")
        kept.put("fifth", b"5")
    assert in_database(killed)[1] == {"seconds": 30.0}
    assert len(in_database(killed)[0]) == 5


@pytest.mark.parametrize("lost", [1, 50, 400, 600])
def test_a_record_that_is_not_whole_is_left_out(killed, lost):
    """As after a power loss; what is added later is found all the same."""
    tail = killed.with_name(f"{killed.name}-tail")
    whole = tail.read_bytes()
    tail.write_bytes(whole[:-lost] + bytes(min(lost, 20)))
    left = [key for items, _ in read_tail(tail, 0) for key, _ in items]
    assert left == (["second"] if lost < 600 else [])
    with open_store(killed) as kept:
        assert kept.all_keys() == sorted(["first", *left])
        kept.put("later", b"v")
        kept.put("last", b"v")
    assert set(in_database(killed)[0]) == {"first", *left, "later", "last"}


def test_a_changed_byte_is_noticed(killed):
    tail = killed.with_name(f"{killed.name}-tail")
    data = bytearray(tail.read_bytes())
    data[len(data) // 4] ^= 1
    tail.write_bytes(bytes(data))
    with open_store(killed) as kept:
        assert kept.all_keys() == ["first"]


def test_an_onlooker_sees_what_is_gathered_and_leaves_it(killed):
    tail = killed.with_name(f"{killed.name}-tail")
    before = tail.read_bytes()
    looker = ItemStore(killed)
    assert looker.get("third") == b"third" * 100
    assert looker.all_keys() == ["first", "second", "third"]
    assert sorted(looker.values()) == [b"first" * 100, b"second" * 100, b"third" * 100]
    looker.put("mine", b"v")
    looker.drop("first")
    assert looker.keep_only({"second", "mine"}) == 1  # the third is the owner's business still
    looker.close()
    assert tail.read_bytes() == before
    with open_store(killed) as kept:
        assert kept.all_keys() == ["mine", "second", "third"]


def test_another_shard_count_finds_what_a_killed_process_gathered(killed):
    with open_store(killed.with_name("edits-a-00000-of-00002.sqlite")) as kept:
        assert kept.get("third") == b"third" * 100
        assert kept.get("fourth") is None


def test_dropped_items_stay_dropped(tmp_path):
    with open_store(tmp_path / "a.sqlite") as kept:
        for key in "abc":
            kept.put(key, b"v")
        kept.drop("b")
        assert kept.all_keys() == ["a", "c"]
    with open_store(tmp_path / "a.sqlite") as kept:
        assert kept.all_keys() == ["a", "c"]


def test_a_failed_write_leaves_whole_records(tmp_path, monkeypatch):
    tail = Tail(tmp_path / "t", 1)
    tail.append([("a", b"1" * 100)], {})
    real = os.pwrite

    def short(file, data, place):
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return real(file, data[: len(data) - 20], place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", short)
        with pytest.raises(OSError, match="No space"):
            tail.append([("b", b"2" * 100)], {"seconds": 1.0})
    assert "b" not in tail.items
    tail.append([("c", b"3" * 100)], {})
    tail.close()
    assert [key for items, _ in read_tail(tmp_path / "t", 1) for key, _ in items] == ["a", "c"]
