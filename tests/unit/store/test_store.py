import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from varireal.errors import DataError
from varireal.store.items import ItemStore, open_store, pack, unpack


def test_put_and_get(tmp_path):
    with open_store(tmp_path / "s" / "a.sqlite") as store:
        assert store.get("k") is None
        store.put("k", b"\x00v")
        assert store.get("k") == b"\x00v"
    with open_store(tmp_path / "s" / "a.sqlite") as store:
        assert store.get("k") == b"\x00v"
        assert list(store.all_keys()) == ["k"]


def test_packed_values_come_back():
    assert unpack(pack({"a": [1, None]}, b"\n\x00\n")) == ({"a": [1, None]}, b"\n\x00\n")


def test_another_shard_count_finds_what_was_computed(tmp_path):
    for index in range(2):
        with open_store(tmp_path / f"edits-color-feasible-round0-0000{index}-of-00002.sqlite") as store:
            store.put(f"key{index}", b"v")
    with open_store(tmp_path / "edits-color-feasible-round0-00000-of-00001.sqlite") as store:
        assert store.get("key0") == store.get("key1") == b"v"
    with open_store(tmp_path / "edits-color-infeasible-round0-00000-of-00001.sqlite") as store:
        assert store.get("key0") is None


def test_an_item_that_moved_to_another_file_of_the_same_count_is_found_when_asked(tmp_path):
    with open_store(tmp_path / "adapters-00000-of-00002.sqlite") as store:
        store.put("k", b"made")
    other = tmp_path / "adapters-00001-of-00002.sqlite"
    with open_store(other) as store:
        assert store.get("k") is None
    with open_store(other, redealt=True) as store:
        assert store.get("k") == b"made"
        assert store.get("other") is None


def test_keep_only_deletes_the_rest(tmp_path):
    with open_store(tmp_path / "a.sqlite") as store:
        for key in "abc":
            store.put(key, b"x" * 10_000)
        assert store.keep_only({"b"}) == 2
        assert list(store.all_keys()) == ["b"]


def test_a_file_that_is_no_store_is_explained(tmp_path):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(DataError, match="cannot be used"):
        ItemStore(path)


def test_killed_writer_loses_nothing_that_was_put(tmp_path):
    """kill -9 while a process writes without pause: every key that it reported is there afterwards, whole."""
    path = tmp_path / "a.sqlite"
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from varireal.store.items import open_store
        with open_store(Path(sys.argv[1])) as store:
            for number in range(100_000):
                store.put(str(number), b"v" * 5000)
                print(number, flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    reported = [int(process.stdout.readline()) for _ in range(20)]
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    reported += [int(line) for line in process.stdout.read().splitlines() if line]
    process.wait()
    with open_store(path) as store:
        assert reported
        assert all(store.get(str(number)) == b"v" * 5000 for number in reported)
