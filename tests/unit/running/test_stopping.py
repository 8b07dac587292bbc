"""A process of its own with a real store, told to stop while an item is in hand."""

import signal
import subprocess
import sys

import pytest

from varireal.running import stopping
from varireal.store.items import open_store

JOB = """
import logging, sys, time
from pathlib import Path
from varireal.running import logs
from varireal.running import stopping
from varireal.store.items import open_store

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


HEARD = """
import os, signal, sys
from varireal.running import stopping

def raised():
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in its background
before = signal.getsignal(signal.SIGINT)
told = []
with stopping.heard(told.append):  # as in a command for people: nobody listens
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        os.kill(os.getpid(), number)
    assert told == [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT], told
    try:
        raised()
        sys.exit("a second Ctrl-C does what it did before")
    except KeyboardInterrupt:
        pass
assert signal.getsignal(signal.SIGINT) is before
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert stopping.requested()

stopping.listen()
assert not stopping.requested()
with stopping.heard(told.append):
    pass
os.kill(os.getpid(), signal.SIGUSR1)  # a job listens on when whoever was told has ended
assert len(told) == 3
assert stopping.requested()

signal.signal(signal.SIGINT, signal.SIG_IGN)
with stopping.heard(told.append):
    raised()
assert len(told) == 3  # what was to be ignored stays so
"""


def test_whoever_is_told_leaves_the_signals_as_they_were():
    subprocess.run([sys.executable, "-c", HEARD], check=True, timeout=30)


BESIDE = """
import asyncio, os, signal, sys, threading, time
from pathlib import Path
from varireal.hosted.client import Sender
from varireal.hosted.session import run_all
from varireal.config.hosted import Server
from varireal.running import stopping
from varireal.store.items import ItemStore

stopping.listen()
server, ended = Server(traffic={"concurrency": 2}), []

async def answer(number):
    if number == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.2 if number == 0 else 60)
    return number

async def ask():
    sender = Sender(server, ItemStore(Path(sys.argv[1]) / "x.sqlite"), "x", grace=0.5)
    send = lambda number: sender.tried(lambda: answer(number), lambda: (0.0, 0.0))
    await run_all(sender, [send(number) for number in range(4)])

def work():
    try:
        asyncio.run(ask())
    except stopping.StoppedError as error:
        ended.append(error)

begin = time.monotonic()
beside = threading.Thread(target=work)
beside.start()
beside.join(20)
(error,) = ended
assert dict(error.done) == {0: 0}, error.done
assert "; 1 answer that was under way after 0.5 s was given up and may be billed; " in str(error), error
assert time.monotonic() - begin < 5
"""


def test_a_loop_beside_the_main_thread_is_woken(tmp_path):
    subprocess.run([sys.executable, "-c", BESIDE, tmp_path], check=True, timeout=60)


def test_nothing_swallows_it(monkeypatch):
    monkeypatch.setattr(stopping, "_received", [int(signal.SIGUSR1)])
    with pytest.raises(stopping.StoppedError, match="stopped by SIGUSR1"):
        try:
            stopping.checkpoint()
        except Exception:  # noqa: BLE001 - as the mending of one bad item does
            pytest.fail("an item's own handler must not catch it")
