"""Jobs that ask real servers, stopped by real signals: exit code, what is kept, and that nothing is paid for twice."""

import json
import logging
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from types import MappingProxyType

import pytest

from asking_kit import command as asking_command
from asking_kit import make_slice
from edits_kit import Study, hosted
from image_server import ImageServer
from judging_kit import candidate, slices
from judging_kit import command as judging_command
from llm_server import Server
from varireal.config.slices import ServerSlice
from varireal.running.workflow import Collector

# A stage that gets a signal when the first batch is answered and the second not begun.
BETWEEN = """
import os, signal, sys
from varireal.{module} import {name} as kind
whole, left = kind.{method}, [signal.{number}]
def method(self, asked):
    found = list(whole(self, asked))
    if left:
        os.kill(os.getpid(), left.pop())
    return found
kind.{method} = method
from varireal.cli import main
sys.exit(main(sys.argv[1:]))
"""
PATIENT = {"longest_wait_seconds": 0.01, "timeout_seconds": 60.0}


class Editing:
    """Nine edits, four in a batch, two under way at once."""

    wanted, batch = 9, 4
    between = MappingProxyType({"module": "editors.openai_images", "name": "HostedEditor", "method": "edit"})
    server = ImageServer

    def __init__(self, folder):
        self.study = Study(folder, photos=self.wanted)

    def command(self, server, **machine):
        block = hosted(server, server={"traffic": PATIENT | {"concurrency": 2}}) | {"batch_size": self.batch}
        return self.study.command("color", block, **machine)

    @staticmethod
    def arrived(server):
        return [form["image"].tobytes() for form in server.forms]


class Judging:
    """Pictures of 16 questions each, two of which are the same for all, four pictures in a batch."""

    between = MappingProxyType({"module": "judges.hosted", "name": "HostedJudge", "method": "ask"})
    server = Server

    def __init__(self, folder, pictures=1):
        self.folder, self.pictures = folder, pictures
        self.wanted, self.batch = 2 + 14 * pictures, 2 + 14 * min(4, pictures)

    def command(self, server, **machine):
        traffic = {"traffic": PATIENT | {"concurrency": 2}}
        config = slices("openai", url=server.url, openai={"server": traffic}, machine=machine)
        candidates = [candidate(n, name=f"colour {n}") for n in range(self.pictures)]
        return judging_command(self.folder, candidates, config)

    @staticmethod
    def arrived(server):
        return [call["request"] for call in server.calls]


class Asking(Judging):
    """Prompts of one class."""

    wanted = 9

    def __init__(self, folder):
        self.folder = folder

    def command(self, server, **machine):
        where = {"server": {"base_url": server.url, "traffic": PATIENT | {"concurrency": 2}}, **machine}
        return asking_command(self.folder, ServerSlice.model_validate(where), make_slice({"mallard": "mallard"}))


def start(job, code=("-m", "varireal")):
    """A process that hears Ctrl-C, also where a shell runs the tests in its background, which ignores it."""
    hears = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    return subprocess.Popen([sys.executable, *code, *job], stderr=subprocess.PIPE, text=True, preexec_fn=hears)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def finish(job):
    done = start(job)
    said = done.communicate(timeout=60)[1]
    assert done.returncode == 0, said


def record(folder):
    return json.loads((folder / "job.json").read_text())


def last_words(folder):
    """What the workflow says of the job when it is over."""
    collector, logger = Collector(), logging.getLogger("test_stopping_asked")
    logger.propagate, logger.handlers = False, [collector]
    logger.error("x", extra={"event": "job_error", "rule_name": "x", "log": [str(folder / "job.log")]})
    return collector.summary()


@pytest.mark.parametrize(("kind", "number"), [(Editing, "SIGTERM"), (lambda folder: Judging(folder, 6), "SIGUSR1")])
def test_between_two_batches_the_job_ends_in_good_order(tmp_path, kind, number):
    """Without the owner of signals the second batch would not be reached: the process died by the signal."""
    job = kind(tmp_path)
    with job.server() as server:
        command = job.command(server)
        stopped = start(command, ("-c", BETWEEN.format(number=number, **job.between)))
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 75, said
        assert f"stopped by {number}; " in said
        assert len(job.arrived(server)) == job.batch  # of the second batch nothing was sent
        finish(command)
        assert Counter(Counter(job.arrived(server)).values()) == {1: job.wanted}


@pytest.mark.parametrize(("number", "sent"), [(signal.SIGTERM, 2), (signal.SIGUSR1, 4)])  # half a batch, a whole one
def test_answers_under_way_are_awaited_and_their_items_finished(tmp_path, number, sent):
    job = Editing(tmp_path)
    with job.server(latency=1.0) as server:
        command = job.command(server)
        stopped = start(command)
        wait_for(lambda: len(server.forms) == sent and server.busy == 2)
        stopped.send_signal(number)
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 75, said
        assert "waiting at most 20 s for the answers under way" in said
        log = (tmp_path / "job.log").read_text()
        assert len(server.forms) == sent
        assert log.count(" DEBUG computed ") == sent
        assert f"SUMMARY edits: stopped by {number.name}; what was " in log
        server.latency = 0
        finish(command)
        assert set(Counter(job.arrived(server)).values()) == {1}
        assert len(server.forms) == job.wanted


@pytest.mark.parametrize(
    ("kind", "number"), [(Editing, signal.SIGTERM), (Judging, signal.SIGUSR1), (Asking, signal.SIGTERM)]
)
def test_answers_that_outlast_the_grace_are_given_up_and_told(tmp_path, kind, number):
    job, grace = kind(tmp_path), {"grace_seconds": 0.4}
    with job.server(latency=30) as server:
        stopped = start(job.command(server, **grace))
        wait_for(lambda: server.busy == 2)
        begin = time.monotonic()
        stopped.send_signal(number)
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 75, said
        assert 0.4 <= time.monotonic() - begin < 15
        assert server.busy == 2  # and nothing was sent meanwhile
    cause = f"stopped by {number.name}; 2 answers that were under way after 0.4 s were given up and may be billed"
    fix = "what was answered is kept, run the same command again to go on"
    assert f"{cause}; {fix}" in said
    assert (record(tmp_path)["state"], record(tmp_path)["error"]) == ("stopped", f"{cause}; {fix}")
    assert f"  cause: {cause}\n  to do: {fix}\n" in last_words(tmp_path)


def test_a_request_that_only_waits_to_be_sent_again_ends_at_once(tmp_path):
    job = Judging(tmp_path)
    busy = lambda *_: (429, {"error": {"message": "slow down"}}, {"Retry-After": "600"})  # noqa: E731
    with job.server(script=busy) as server:
        stopped = start(job.command(server))
        wait_for(lambda: len(server.calls) == job.wanted)  # a wait holds no place in the queue
        begin = time.monotonic()
        stopped.terminate()
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 75, said
        assert time.monotonic() - begin < 15
        assert len(server.calls) == job.wanted
    assert "given up" not in said


def test_ctrl_c_waits_for_the_answers_under_way_and_keeps_them(tmp_path):
    job = Asking(tmp_path)
    with job.server(latency=0.6) as server:
        command = job.command(server, grace_seconds=0.1)  # which is of no account here
        stopped = start(command)
        wait_for(lambda: server.busy == 2)
        stopped.send_signal(signal.SIGINT)
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 130, said
        assert "run the same command again" in said
        assert len(server.calls) == 2
        server.latency = 0
        finish(command)
        assert Counter(Counter(job.arrived(server)).values()) == {1: job.wanted}


@pytest.mark.parametrize("kind", [Editing, Asking])
def test_a_second_ctrl_c_ends_at_once(tmp_path, kind):
    job = kind(tmp_path)
    with job.server(latency=30) as server:
        stopped = start(job.command(server))
        wait_for(lambda: server.busy == 2)
        stopped.send_signal(signal.SIGINT)
        wait_for(lambda: "waiting for the answers under way" in (tmp_path / "job.log").read_text())
        begin = time.monotonic()
        stopped.send_signal(signal.SIGINT)
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 130, said
        assert time.monotonic() - begin < 15
        assert server.busy == 2


def test_whenever_signals_come_nothing_is_asked_twice(tmp_path):
    job, draw = Editing(tmp_path), random.Random(1)
    with job.server(latency=0.15) as server:
        command, codes = job.command(server), []
        while len(server.forms) < job.wanted:
            running, more = start(command), draw.randint(2, 4)
            have, delay = len(server.forms), draw.uniform(0, 0.15)
            wait_for(lambda have=have, more=more: len(server.forms) >= min(have + more, job.wanted))
            time.sleep(delay)
            for _ in range(draw.randint(1, 2)):
                running.send_signal(draw.choice([signal.SIGTERM, signal.SIGUSR1]))
            said = running.communicate(timeout=60)[1]
            codes.append(running.returncode)
            assert codes[-1] in (75, 0), said
        assert 75 in codes
        finish(command)
        assert Counter(Counter(job.arrived(server)).values()) == {1: job.wanted}
