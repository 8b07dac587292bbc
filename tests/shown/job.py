"""A job of that workflow: it counts, and says and writes what a stage does.

What it does besides is in the environment: SECONDS_EACH, FAIL (part of an output's name), NOISE, PAID.
"""

import logging
import os
import sys
import time
from pathlib import Path

from varireal.running import job_record, logs, stopping

ITEMS = 20


def work(stage: str, output: Path, logger: logging.Logger) -> None:
    for number, _ in enumerate(logs.progress(range(ITEMS), logger, stage, ITEMS)):
        time.sleep(float(os.environ.get("SECONDS_EACH", "0.02")))
        if number == 2 and os.environ.get("NOISE"):
            sys.stderr.write("a library speaks\n")
        if number == 3 and os.environ.get("FAIL", "nothing") in str(output):
            logger.debug("failed: the editor went away; start it again")
            sys.exit(2)
        if number == 3 and os.environ.get("PAID"):
            job_record.pay({"calls:m": 5, "sent:m": 1200, "answered:m": 300})


stage, output, log = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
logs.set_up(log, verbose=False)
logger = logging.getLogger("varireal.shown")
try:
    with job_record.recorded(job_record.JobRecord(log.with_suffix(".json"), {"stage": stage})):
        work(stage, output, logger)
        counts = {"ok": ITEMS - 1, "no_mask": 1} if stage == "edits" else {"accepted": 15, "not accepted": 5}
        job_record.tell(counts=counts, computed=ITEMS)
except KeyboardInterrupt:
    logger.debug("failed: %s", stopping.INTERRUPTED)
    sys.exit(130)
output.write_text("done")
logger.log(logs.SUMMARY, "%s: the last line of a job", stage)
