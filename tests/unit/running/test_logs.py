import logging

from varireal.running import job_record, logs


def test_summary_line_has_counts_and_seconds():
    line = logs.summary_line("edits", {"ok": 3, "no_mask": 1}, 1.25, computed=2)
    assert line == "edits: no_mask 1, ok 3; computed 2 now; 1.2 s"
    assert logs.summary_line("edits", {}, 0.0) == "edits: nothing to do; 0.0 s"


def test_progress_yields_all_items_and_logs_only_now_and_then(caplog, monkeypatch):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(logs.time, "monotonic", lambda: next(clock))
    logger = logging.getLogger("test_progress")
    with caplog.at_level(logging.INFO, logger="test_progress"):
        assert list(logs.progress("abcdefghij", logger, "things", 10)) == list("abcdefghij")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert lines[0] == "things: 3 of 10, 0.5/s, 14 s left"


def test_progress_says_what_asked_models_cost(caplog, monkeypatch):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(logs.time, "monotonic", lambda: next(clock))
    with job_record.recorded(job_record.JobRecord(None, {})), caplog.at_level(logging.INFO, logger="test_progress"):
        job_record.say_spending(lambda: "34 calls, 120,300 tokens, $0.14")
        list(logs.progress("abcdefghij", logging.getLogger("test_progress"), "things", 10))
    assert caplog.messages[0].endswith(" s left; 34 calls, 120,300 tokens, $0.14")


def test_jobs_of_a_workflow_that_shows_progress_say_warnings_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(logs.QUIET, "1")
    logs.set_up(tmp_path / "x.log", verbose=False)
    logging.getLogger("varireal.something").log(logs.SUMMARY, "summary")
    logging.getLogger("varireal.something").warning("a person should know")
    assert capsys.readouterr().err == "a person should know\n"
    assert "summary" in (tmp_path / "x.log").read_text()
    logs.set_up(None, verbose=False)  # a command by hand, whatever its environment
    logging.getLogger("varireal.something").info("by hand")
    assert capsys.readouterr().err == "by hand\n"


def test_a_library_that_misses_what_no_stage_needs_is_silent(tmp_path, capsys):
    logs.set_up(tmp_path / "x.log", verbose=False)
    logging.getLogger("bitsandbytes.backends.cpu.ops").warning("Failed to load CPU gemm_4bit_forward")
    assert capsys.readouterr().err == ""


def test_importing_the_package_configures_no_logging():
    assert not logging.getLogger("varireal.study.layout").handlers


def test_console_gets_the_summary_and_the_file_everything(tmp_path, capsys):
    path = tmp_path / "logs" / "x.log"
    logs.set_up(path, verbose=False)
    logger = logging.getLogger("varireal.something")
    logger.info("detail")
    logger.log(logs.SUMMARY, "summary")
    logging.getLogger("varireal").handlers[1].flush()
    assert capsys.readouterr().err == "summary\n"
    text = path.read_text()
    assert "detail" in text
    assert "summary" in text
