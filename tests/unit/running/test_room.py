"""A real small disk: a tmpfs of a few megabytes."""

import errno
import re
import subprocess

import numpy as np
import pyarrow as pa
import pytest

from varireal.errors import DataError
from varireal.running.room import DiskFullError, Room, os_error_text
from varireal.store import tables
from varireal.store.items import ItemStore

ITEM = np.random.default_rng(1).bytes(100_000)
SCHEMA = pa.schema([tables.column("name", pa.string(), "a name"), tables.column("image", pa.binary(), "bytes")])


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk, total, kept_before=0):
    """What a stage does: keep items, then write the table of all of them."""
    with Room(disk, total) as room:
        store = ItemStore(disk / "items.sqlite")
        try:
            for number in range(total):
                if store.get(str(number)) is None:
                    store.put(str(number), ITEM)
                room.count(len(ITEM))
            rows = ({"name": key, "image": store.get(key)} for key in store.all_keys())
            tables.write(disk / "table.parquet", rows, SCHEMA, stage="edits", digest="x")
        finally:
            store.close()


def test_a_job_stops_while_what_it_has_still_fits(small_disk):
    with pytest.raises(DiskFullError) as caught:
        fill(small_disk, 40)
    found = re.fullmatch(
        rf"the disk of {small_disk} is full with (\d+) of 40 items kept: about (.+) MB are needed for the rest, "
        r"(\S+) [kM]B are free; make room there, what was finished is kept, run the same command again to go on",
        str(caught.value),
    )
    assert found, caught.value
    kept, needed = int(found[1]), float(found[2])
    assert 5 <= kept <= 10
    assert needed == pytest.approx((80 - kept) * 0.1, abs=0.6)
    store = ItemStore(small_disk / "items.sqlite")
    assert store.all_keys() == sorted(str(number) for number in range(kept))
    assert all(store.get(key) == ITEM for key in store.all_keys())
    store.close()
    assert not list(small_disk.glob("*parquet*"))
    fill(small_disk, kept - 1)  # the table of so many fits, as the job had made sure


def test_more_room_and_the_same_job_goes_on(small_disk):
    with pytest.raises(DiskFullError):
        fill(small_disk, 20)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    fill(small_disk, 20)
    assert len(tables.read(small_disk / "table.parquet", SCHEMA)) == 20


def test_a_disk_that_others_fill_leaves_whole_files(small_disk):
    """The store itself meets the end of the disk, and so does the table."""
    store = ItemStore(small_disk / "items.sqlite")
    (small_disk / "theirs").write_bytes(bytes(1_800_000))
    with pytest.raises(DiskFullError, match=r"the disk of .*items\.sqlite is full; make room there"):
        for number in range(10):
            store.put(str(number), ITEM)
    kept = store.all_keys()
    store.close()
    with pytest.raises(DiskFullError, match="the need is not known yet"), Room(small_disk, 9):
        rows = ({"name": str(number), "image": ITEM} for number in range(9))
        tables.write(small_disk / "table.parquet", rows, SCHEMA, stage="edits", digest="x")
    assert not list(small_disk.glob("*parquet*"))
    (small_disk / "theirs").unlink()
    again = ItemStore(small_disk / "items.sqlite")
    assert again.all_keys() == kept
    again.put("later", ITEM)
    again.close()


def test_a_job_that_keeps_nothing_says_what_all_of_it_needs(small_disk):
    all_of_it = r"is full: only 2\.\d MB of about 3\.0 MB that this job writes fit; make room there and run the same"
    with pytest.raises(DiskFullError, match=all_of_it), Room(small_disk, 30, copies=1) as room:
        for number in range(30):
            (small_disk / str(number)).write_bytes(ITEM)
            room.count(len(ITEM))
    unknown = r"is full: only [\d.]+ (kB|bytes) fit; make room there"
    with pytest.raises(DiskFullError, match=unknown), Room(small_disk, 30, copies=1):
        (small_disk / "more").write_bytes(bytes(1_000_000))


def test_a_read_only_disk_is_said_in_one_line(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OSError) as caught:
        tables.write(small_disk / "table.parquet", [], SCHEMA, stage="edits", digest="x")
    assert os_error_text(caught.value) == (
        f"the disk of {small_disk} is read-only; mend that, what was finished is kept, run the same command again to "
        "go on"
    )


def test_other_errors_keep_their_words():
    assert os_error_text(FileNotFoundError(errno.ENOENT, "No such file", "x")) == "[Errno 2] No such file: 'x'"


def test_an_error_of_another_kind_leaves_the_block_as_it_is(tmp_path):
    with pytest.raises(DataError, match=r"^damaged$"), Room(tmp_path, 3):
        raise DataError("damaged")
