import json
import re
from itertools import pairwise
from types import SimpleNamespace

import pytest
from rich.console import Console

from varireal.running.workflow import Failure
from varireal.tools import progress_view
from varireal.tools.progress import Progress, describe, rate_text
from varireal.tools.progress_view import ProgressView, can_be_live, live_view

SHARDS = ("00000-of-00002", "00001-of-00002")
EDITS = {number: f"edits/color/feasible/round0/{shard}" for number, shard in enumerate(SHARDS, 1)}
VERDICTS = {number + 2: name.replace("edits", "verdicts") for number, name in EDITS.items()}


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def record(root, name, **facts):
    path = root / "logs" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    basis = {"stage": name.split("/")[0], "state": "running", "seen": 1.0, "started": 0.0, "spent": {}}
    path.write_text(json.dumps(basis | facts))


def ended(root, name, counts, **facts):
    total = sum(counts.values())
    record(root, name, state="ended", counts=counts, total=total, done=total, computed=total, **facts)


@pytest.mark.parametrize(
    ("name", "rounds", "expected"),
    [
        ("images", True, ("images", "images", "")),
        ("config/edits", True, ("config", "config", "")),
        ("prompts/mallard", True, ("prompts", "prompts", "")),
        ("prompts_gathered", True, ("prompts", "prompts", "")),
        ("masks/00000-of-00002", True, ("masks", "masks", "")),
        ("priors/color/feasible", True, ("priors", "priors color/feasible", "color/feasible")),
        (EDITS[1], False, ("edits", "edits color/feasible", "color/feasible")),
        (EDITS[1], True, ("edits", "edits color/feasible, round 0", "color/feasible")),
    ],
)
def test_jobs_are_named_by_stage_and_setting(name, rounds, expected):
    assert describe(name, rounds=rounds) == expected


def test_rounds_are_named_where_there_are_several(tmp_path):
    one = Progress(tmp_path, EDITS)
    two = Progress(tmp_path, {**EDITS, 9: EDITS[1].replace("round0", "round1")})
    assert (one.label(1), two.label(1)) == (
        "edits color/feasible, 00000-of-00002",
        "edits color/feasible, round 0, 00000-of-00002",
    )


@pytest.mark.parametrize(("rate", "text"), [(12.94, "12.9/s"), (1, "1/s"), (0.2, "12/min"), (0.001, "3.6/h")])
def test_a_rate_is_a_number_from_one_on(rate, text):
    assert rate_text(rate) == text


def test_items_at_work_are_read_from_the_records(tmp_path, clock):
    progress = Progress(tmp_path, EDITS, clock)
    record(tmp_path, EDITS[1], done=99, total=99)  # of an attempt before this one
    progress.start(1)
    clock.now += 5
    progress.look()
    assert [row.text for row in progress.rows()] == ["edits color/feasible: 0/2 jobs, waiting 5 s"]
    assert progress.states == ["1 waiting"]

    record(tmp_path, EDITS[1], done=10, total=40, rate=2.0)
    progress.look()
    (row,) = progress.rows()
    assert row.text == "edits color/feasible: 0/2 jobs, 10/~80 candidates, 2/s, 35 s left"
    progress.start(2)
    record(tmp_path, EDITS[2], done=0, total=50, rate=0.0)
    progress.look()
    (row,) = progress.rows()
    assert (row.items, row.rate, row.time) == ("10/90", "2/s", "40 s left")
    assert progress.states == ["2 at work"]


def test_a_long_training_says_how_far_it_is(tmp_path, clock):
    """Its job counts trainings, and one may take an hour."""
    progress = Progress(tmp_path, {1: "adapters/00000-of-00001"}, clock)
    progress.start(1)
    record(tmp_path, "adapters/00000-of-00001", stage="adapters", done=1, part=0.25, total=3, rate=0.0025)
    progress.look()
    assert [row.text for row in progress.rows()] == ["adapters: 1/3 trainings, 9/h, 12 min left"]


def test_a_setting_is_told_once_when_its_last_job_ends(tmp_path, clock):
    progress = Progress(tmp_path, {**EDITS, **VERDICTS, 9: "dataset"}, clock)
    for number in EDITS:
        progress.start(number)
    clock.now += 10
    ended(tmp_path, EDITS[1], {"ok": 9, "no_mask": 1})
    assert progress.finish(1) == ""
    ended(tmp_path, EDITS[2], {"ok": 10})
    assert progress.finish(2) == "edits color/feasible: 20 candidates, 1 no mask, 10 s (2/s)"
    assert progress.finish(2) == ""  # said again, as by a job that is handed in twice

    progress.start(3)
    ended(tmp_path, VERDICTS[3], {"accepted": 6, "not accepted": 3, "no_mask": 1})
    progress.finish(3)
    progress.start(4)
    assert next(progress.rows()).accepted == "67%"
    ended(tmp_path, VERDICTS[4], {"accepted": 9, "not accepted": 0})
    assert progress.finish(4) == "verdicts color/feasible: 15 of 18 candidates accepted (83%), 0 s"
    progress.start(9)
    ended(tmp_path, "dataset", {"accepted": 15, "rejected": 4}, lines=["color/feasible: 15 of 20 accepted, 5 short"])
    assert progress.finish(9) == "dataset: written, 0 s\n  color/feasible: 15 of 20 accepted, 5 short"
    assert progress.end == f"{tmp_path}: done in 10 s; 15 of 18 candidates accepted (83%)"


def test_of_many_lines_of_a_job_the_first_are_shown(tmp_path):
    progress = Progress(tmp_path, {1: "dataset"})
    progress.start(1)
    ended(tmp_path, "dataset", {}, lines=[f"class {number} is short" for number in range(100)])
    lines = progress.finish(1).splitlines()
    assert (len(lines), lines[-1]) == (12, "  and 90 more lines in its log")


def test_every_job_is_counted_once_and_none_is_a_class(tmp_path, clock):
    jobs = {1: "config/edits", 2: "prompts/mallard", 3: "prompts/gull", 4: "prompts_gathered"}
    progress = Progress(tmp_path, jobs, clock)
    assert progress.head == f"{tmp_path}: 4 jobs to do (config 1, prompts 3)"
    for number, name in jobs.items():
        progress.start(number)
        record(tmp_path, name, state="ended", counts={"bank": 6}, computed=6)
        said = progress.finish(number)
    assert said == "prompts: 2 classes, 0 s"


def test_what_was_there_already_is_said(tmp_path, clock):
    progress = Progress(tmp_path, {1: "masks/00000-of-00001"}, clock)
    progress.start(1)
    ended(tmp_path, "masks/00000-of-00001", {"ok": 4})
    record(tmp_path, "masks/00000-of-00001", state="ended", counts={"ok": 4}, computed=0)
    assert progress.finish(1) == "masks: 4 photos, all there already, 0 s"


def test_a_round_without_anything_to_do_is_not_told(tmp_path):
    progress = Progress(tmp_path, {1: EDITS[1].replace("round0", "round1")})
    progress.start(1)
    ended(tmp_path, EDITS[1].replace("round0", "round1"), {})
    assert progress.finish(1) == ""


def test_a_damaged_or_missing_record_costs_the_numbers_alone(tmp_path):
    progress = Progress(tmp_path, {1: "dataset", 2: EDITS[1]})
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "dataset.json").write_text("{")
    progress.start(1)
    progress.look()
    assert progress.finish(1).startswith("dataset: written, ")
    progress.start(2)
    assert progress.finish(2) == ""


def test_money_of_asked_models_is_shown_as_it_comes(tmp_path):
    (tmp_path / "config").mkdir()
    server = {"server": {"prices": {"m": {"input": 10.0, "output": 100.0}}}}
    (tmp_path / "config" / "server.json").write_text(json.dumps(server))
    progress = Progress(tmp_path, {1: "prompts"})
    progress.start(1)
    spent = {"seconds": 3.0, "calls:m": 34, "sent:m": 100_000, "answered:m": 20_300}
    record(tmp_path, "prompts", stage="prompts-ask", done=3, total=24, spent=spent)
    progress.look()
    (row,) = progress.rows()
    assert row.text.startswith("prompts: 3/24 requests, running ")
    assert row.spent == "34 calls, 120,300 tokens, $3.03"


def test_a_failed_job_counts_until_its_retry(tmp_path):
    progress = Progress(tmp_path, EDITS)
    progress.start(1)
    progress.fail(1)
    assert progress.states == ["1 failed"]
    assert "0 of 2 jobs done, 1 failed" in progress.end
    progress.start(1)
    assert progress.failed == set()
    progress.fail(1, counts=False)  # Ctrl-C
    assert progress.failed == set()


def screen(view, height=24):
    console = Console(width=80, height=height, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get().splitlines()


def test_the_view_fits_into_a_terminal(tmp_path):
    jobs = {n: f"edits/background/infeasible/round{n}/00000-of-00001" for n in range(40)}
    progress = Progress(tmp_path, jobs)
    for number, name in jobs.items():
        progress.start(number)
        record(tmp_path, name, done=123_456, total=1_000_000, rate=12.5, spent={"calls:m": 1_000_000, "sent:m": 1e9})
    progress.look()
    lines = screen(live_view(progress, list(progress.rows()), 80, 24))
    assert len(lines) < 24
    assert all(len(line) <= 80 for line in lines)
    assert re.match(r"edits background/infeasible, ro\w*…  123,456/1,000,000  12.5/s  19 h 29 min left$", lines[2])
    assert lines[3] == "  1,000,000 calls, 1,000,000,000 tokens, price unknown"
    assert lines[-1] == "and 30 more"


def test_a_short_name_leaves_room_for_the_heading(tmp_path):
    progress = Progress(tmp_path, {1: "images"})
    progress.start(1)
    record(tmp_path, "images", done=1, total=14, rate=0.5)
    progress.look()
    lines = screen(live_view(progress, list(progress.rows()), 80, 24))
    assert lines[1:] == ["at work  items    rate       time", "images    1/14  30/min  26 s left"]


def test_lines_of_what_is_at_work_come_more_and_more_seldom(tmp_path, monkeypatch):
    clock = Clock()
    written = []
    stream = SimpleNamespace(write=written.append, flush=lambda: None)
    monkeypatch.setattr(progress_view.time, "monotonic", clock)
    monkeypatch.setattr(progress_view, "_BETWEEN_LOOKS", 3600.0)  # the test looks
    view = ProgressView(stream, live=False)
    view.begin(tmp_path, EDITS)
    view.start(1)
    moments = []
    for _ in range(0, 4 * 3600, 10):
        clock.now += 10
        before = len(written)
        view.look()
        moments += [clock.now - 100] * (len(written) > before)
    view.close()
    assert moments[:10] == [30 * number for number in range(1, 11)]
    assert all(later - earlier <= max(40, earlier / 10 + 10) for earlier, later in pairwise(moments))
    assert moments[-1] - moments[-2] == 600
    assert len(moments) < 60


def test_a_failure_is_a_line_with_its_log(tmp_path):
    written = []
    log = tmp_path / "a.log"
    log.write_text("2026 DEBUG failed: the disk is full; make room\n")
    view = ProgressView(SimpleNamespace(write=written.append, flush=lambda: None), live=False)
    view.begin(tmp_path, EDITS)
    view.fail(2, Failure("edits", log, ""))
    view.fail(2, Failure("edits", log, ""))  # a retry that ends as the first attempt did
    view.close()
    assert (
        written[1][10:] == f"failed: edits color/feasible, 00001-of-00002: the disk is full; make room [log: {log}]\n"
    )
    assert "1 failed" in written[2]
    assert len(written) == 3


@pytest.mark.parametrize(
    ("tty", "term", "live"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_only_a_terminal_with_a_cursor_is_live(monkeypatch, tty, term, live):
    monkeypatch.setenv("TERM", term)
    assert can_be_live(SimpleNamespace(isatty=lambda: tty)) is live
