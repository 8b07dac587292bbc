"""Copies of a data set in other formats: class folders, WebDataset shards, COCO masks.

Every kind is a row of the registry, a function like ``base.ExportWriter``; its module is imported only when its export
was chosen. The last function here is ``varireal export``.
"""

import logging
from pathlib import Path

from varireal.core.registry import asking, load_backend
from varireal.errors import BackendError
from varireal.exports.base import ExportWriter, check_replaceable, open_dataset, whole_folder
from varireal.running.logs import SUMMARY

logger = logging.getLogger(__name__)


def check_export(kind: str, output: Path) -> None:
    """Find out before the work whether an export can be written.

    Raises:
        BackendError: no such export, or a package that it needs is not installed.
        DataError: ``output`` holds files that no export wrote.
    """
    load_backend("exporters", kind)
    check_replaceable(output, kind)


def run_export(kind: str, dataset: Path, output: Path) -> int:
    """Copy a data set to another format, whole or not at all; return the number of pictures.

    Args:
        kind: name of an exporter, of this package or another one.
        dataset: folder of the data set, the one that holds ``data/``.
        output: folder to write; an earlier export there is replaced, anything else is refused.

    Raises:
        BackendError: no such export, or a package that it needs is not installed.
        DataError: the data set is damaged, or ``output`` holds files that no export wrote.
    """
    write: ExportWriter = load_backend("exporters", kind)
    source = open_dataset(dataset)
    with whole_folder(output, kind) as folder:
        with asking("exporters", kind, "writing"):
            count = write(source, folder)
        if not isinstance(count, int):  # of another package
            raise BackendError(f"the exporter {kind!r} returned {count!r}; it must return the number of pictures")
        return count


def run(*, kind: str, dataset: Path, output: Path) -> int:
    """Write an export and say how much it holds.

    Raises:
        BackendError: a package that it needs is not installed.
        DataError: the data set is damaged, or ``output`` holds files that no export wrote.
    """
    images = run_export(kind, dataset, output)
    logger.log(SUMMARY, "%s: %d images in %s", kind, images, output)
    return 0
