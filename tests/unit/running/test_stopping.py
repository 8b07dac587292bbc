"""A process of its own with a real store, told to stop while an item is in hand."""

import signal
import subprocess
import sys

import pytest

from varireal.running import stopping
from varireal.store import open_store

JOB = """
import logging, sys, time
from pathlib import Path
from varireal import logs
from varireal.running import stopping
from varireal.store import open_store

folder, total = Path(sys.argv[1]), 5

def made(kept):
    try:
        for number in range(total):
            if kept.get(str(number)) is None:
                print("making", number, flush=True)
                deadline = time.monotonic() + 20
                while not (folder / str(number)).exists() and time.monotonic() < deadline:
                    time.sleep(0.01)  # the item in hand; a signal wakes no one
                kept.put(str(number), b"x")
            yield number
    finally:
        kept.put("closed", b"while the store was open")

stopping.listen()
try:
    with open_store(folder / "items.sqlite") as kept:
        for number in logs.progress(made(kept), logging.getLogger("x"), "items", total):
            pass
except stopping.StoppedError as error:
    print(error, flush=True)
    sys.exit(stopping.EXIT_STOPPED)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_the_item_in_hand_is_finished_and_no_other_begun(tmp_path, number):
    (tmp_path / "0").touch()
    job = subprocess.Popen([sys.executable, "-c", JOB, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "making 0\n"
    assert job.stdout.readline() == "making 1\n"
    job.send_signal(number)
    job.send_signal(number)  # a scheduler may say it twice
    (tmp_path / "1").touch()
    said, _ = job.communicate(timeout=30)
    assert said == (f"stopped by {number.name}; what was finished is kept, run the same command again to go on\n")
    assert job.returncode == 75
    with open_store(tmp_path / "items.sqlite") as kept:
        assert kept.all_keys() == ["0", "1", "closed"]


def test_a_signal_during_the_last_item_lets_the_job_end_well(tmp_path):
    for number in range(4):
        (tmp_path / str(number)).touch()
    job = subprocess.Popen([sys.executable, "-c", JOB, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert [job.stdout.readline() for _ in range(5)][-1] == "making 4\n"
    job.terminate()
    (tmp_path / "4").touch()
    assert job.wait(timeout=30) == 0


def test_nothing_swallows_it(monkeypatch):
    monkeypatch.setattr(stopping, "_received", [int(signal.SIGUSR1)])
    with pytest.raises(stopping.StoppedError, match="stopped by SIGUSR1"):
        try:
            stopping.checkpoint()
        except Exception:  # noqa: BLE001 - as the mending of one bad item does
            pytest.fail("an item's own handler must not catch it")
