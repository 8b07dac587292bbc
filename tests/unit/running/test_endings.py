"""Records as Snakemake logs them; the whole path is tested in tests/workflow."""

import logging

import pytest

from varireal.running.stopping import INTERRUPTED
from varireal.running.workflow import Collector, Failure


def collector(*records):
    found = Collector()
    logger = logging.getLogger("test_endings")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [found]
    for level, extra in records:
        logger.log(level, "text", extra=extra)
    return found


def failed(log, jobid=1, message=None):
    return logging.ERROR, {
        "event": "job_error",
        "rule_name": "edits",
        "rule_msg": message,
        "jobid": jobid,
        "log": [str(log)],
    }


def write(tmp_path, text, name="00000-of-00002"):
    log = tmp_path / "results" / "x" / "logs" / "edits" / "color" / "feasible" / "round0" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)
    return log


def test_cause_and_fix_come_from_the_log(tmp_path):
    log = write(
        tmp_path,
        "2026 DEBUG computed a.k0 (red)\n2026 DEBUG computed b.k0 (blue; light)\n"
        "2026 DEBUG failed: masks.parquet is damaged; delete it and run again\n",
    )
    assert collector(failed(log)).summary() == (
        "\n1 job failed:\n"
        "  stage: edits color/feasible/round0/00000-of-00002\n"
        "  item:  the one after b.k0, number 2 of this attempt\n"
        "  cause: masks.parquet is damaged\n"
        "  to do: delete it and run again\n"
        f"  log:   {log}\n"
    )


def test_a_job_that_a_retry_mended_is_not_told(tmp_path):
    log = write(tmp_path, "2026 DEBUG failed: x; y\n")
    found = collector(failed(log, jobid=1), failed(log, jobid=2))
    found.take_back([0, 1])
    assert found.summary().startswith("\n1 job failed:\n")
    found.take_back(iter([2]))
    assert found.summary() == collector().summary() == ""


def test_a_job_that_was_killed_or_stopped_says_so(tmp_path):
    killed = collector(failed(write(tmp_path, "2026 DEBUG computed a.k0 (red)\n"))).summary()
    assert "cause: the job ended without a word: killed from outside" in killed
    assert "item:  the one after a.k0, number 1" in killed
    for log in (write(tmp_path, ""), tmp_path / "none.log"):  # as where varireal is not installed
        assert "cause: the job wrote no line: its command could not be started" in collector(failed(log)).summary()
    stopped = write(tmp_path, "2026 WARNING edits: stopped by SIGTERM; what was finished is kept, run it again\n")
    assert (
        "cause: stopped by SIGTERM\n  to do: what was finished is kept, run it again"
        in collector(failed(stopped)).summary()
    )
    given_up = write(
        tmp_path, "2026 WARNING edits: stopped by SIGUSR1; 1 answer was given up; the rest is kept, go on\n"
    )
    assert (
        "cause: stopped by SIGUSR1; 1 answer was given up\n  to do: the rest is kept, go on"
        in collector(failed(given_up)).summary()
    )


def test_what_the_scheduler_said_counts_where_the_job_could_say_nothing(tmp_path):
    message = "SLURM-job '17' failed, SLURM status is: 'TIMEOUT'. For further error details see the cluster/cloud log"
    told = collector(failed(write(tmp_path, ""), message=message)).summary()
    assert (
        "cause: SLURM ended the job at its time limit\n  to do: run the same command again to go on, or raise" in told
    )
    refused = collector(
        failed(tmp_path / "none.log", message="SLURM sbatch failed. The error message was 'no such partition'.")
    )
    assert "cause: SLURM refused the job: no such partition\n  to do: mend what it asks for" in refused.summary()


@pytest.mark.parametrize("line", ["\n", " "])
def test_what_sbatch_refused_is_one_line_without_its_call(line):
    message = line.join(
        (
            "SLURM sbatch failed. The error message was 'sbatch: error: CPU count can't be met",
            "sbatch: error: Batch job submission failed: Requested node configuration is not available'.",
            "    sbatch call:",
            "        sbatch --parsable --wrap='something'.",
        )
    )
    cause = Failure("images", None, message).cause
    words = "CPU count can't be met Batch job submission failed: Requested node configuration is not available"
    assert cause.startswith(f"SLURM refused the job: {words}; mend what it asks for")
    assert "--set-resources images:..." in cause
    assert "\n" not in cause


def test_many_failures_stay_short(tmp_path):
    many = collector(*(failed(write(tmp_path, "", f"{n:05d}-of-00020"), jobid=n) for n in range(20))).summary()
    assert many.startswith("\n20 jobs failed:")
    assert many.count("stage:") == 5
    assert many.endswith("and 15 more, with logs in the same folder\n")


def test_a_job_that_ctrl_c_stopped_is_no_failure(tmp_path):
    stopped = write(tmp_path, f"2026 DEBUG failed: {INTERRUPTED}\n", "00000-of-00002")
    broken = write(tmp_path, "2026 DEBUG failed: the disk is full; make room\n", "00001-of-00002")
    assert collector(failed(stopped)).summary() == ""
    assert (
        "1 job failed:\n  stage: edits color/feasible/round0/00001"
        in collector(failed(stopped), failed(broken, 2)).summary()
    )
