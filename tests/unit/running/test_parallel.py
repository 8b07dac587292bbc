import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from varireal.running.parallel import process_map


def square(x):
    return x * x


def slow_pid(x):
    time.sleep(0.15 if x == 0 else 0)
    return x, os.getpid()


@pytest.fixture
def worth(monkeypatch):
    """Every work is worth processes of its own."""
    monkeypatch.setattr("varireal.running.parallel._WORTH_PROCESSES", 0.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers, worth):
    assert list(process_map(square, list(range(23)), workers)) == [x * x for x in range(23)]


def test_little_work_starts_no_process():
    assert {pid for _, pid in process_map(slow_pid, list(range(5)), 2)} == {os.getpid()}


def test_more_work_is_done_elsewhere_but_for_the_first_item():
    found = list(process_map(slow_pid, list(range(40)), 2))
    assert [x for x, _ in found] == list(range(40))
    assert found[0][1] == os.getpid()
    assert os.getpid() not in {pid for _, pid in found[1:]}


def test_nothing_to_do():
    assert list(process_map(square, [], 4)) == []


def kill_at_seven(x):
    if x == 7:
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            os.kill(os.getpid(), number)
    return x


def test_a_signal_that_every_process_of_a_job_gets_is_left_to_the_job(worth):
    assert list(process_map(kill_at_seven, list(range(23)), 2)) == list(range(23))


def test_workers_die_with_a_killed_parent(tmp_path):
    (tmp_path / "slow.py").write_text(
        textwrap.dedent(
            """
            import time
            from varireal.running.parallel import process_map

            def slow(x):
                print(x, flush=True)
                time.sleep(60 if x else 0.2)

            if __name__ == "__main__":
                list(process_map(slow, list(range(20)), 2))
            """
        )
    )
    parent = subprocess.Popen([sys.executable, "slow.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    for _ in range(2):
        parent.stdout.readline()
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 20
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children):
        assert time.monotonic() < end, "workers outlive their killed parent"
        time.sleep(0.1)
