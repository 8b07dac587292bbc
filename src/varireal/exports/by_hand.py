"""``varireal export``: one export of a finished data set."""

import logging
from pathlib import Path

from varireal.exports import run_export
from varireal.logs import SUMMARY

logger = logging.getLogger(__name__)


def run(*, kind: str, dataset: Path, output: Path) -> int:
    """Write an export and say how much it holds.

    Raises:
        BackendError: a package that it needs is not installed.
        DataError: the data set is damaged, or ``output`` holds files that no export wrote.
    """
    summary = run_export(kind, dataset, output)
    logger.log(SUMMARY, "%s: %d images in %s", kind, summary.images, summary.output)
    return 0
