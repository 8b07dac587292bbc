"""Copies of a data set in other formats: class folders, WebDataset shards, COCO masks.

Every kind is a module with the function ``write``; a module is imported only when its export was chosen. The last
function here is ``varireal export``.
"""

import importlib
import logging
from pathlib import Path

from varireal.errors import BackendError
from varireal.exports.base import ExportWriter, check_replaceable, open_dataset, whole_folder
from varireal.running.logs import SUMMARY

logger = logging.getLogger(__name__)

KINDS = ("folders", "webdataset", "coco")


def find_export(kind: str) -> ExportWriter:
    """The function that writes an export.

    Raises:
        BackendError: no such export, or a package that it needs is not installed.
    """
    if kind not in KINDS:
        raise BackendError(f"unknown export {kind!r}; known: {', '.join(KINDS)}")
    try:
        module = importlib.import_module(f"varireal.exports.{kind}")
    except ImportError as error:
        raise BackendError(
            f"the export {kind!r} needs a package that is not installed ({error}); pip install 'varireal[{kind}]'"
        ) from error
    write: ExportWriter = module.write
    return write


def check_export(kind: str, output: Path) -> None:
    """Find out before the work whether an export can be written.

    Raises:
        BackendError: as ``find_export``.
        DataError: ``output`` holds files that no export wrote.
    """
    find_export(kind)
    check_replaceable(output, kind)


def run_export(kind: str, dataset: Path, output: Path) -> int:
    """Copy a data set to another format, whole or not at all; return the number of pictures.

    Args:
        kind: one of ``KINDS``.
        dataset: folder of the data set, the one that holds ``data/``.
        output: folder to write; an earlier export there is replaced, anything else is refused.

    Raises:
        BackendError: no such export, or a package that it needs is not installed.
        DataError: the data set is damaged, or ``output`` holds files that no export wrote.
    """
    write = find_export(kind)
    source = open_dataset(dataset)
    with whole_folder(output, kind) as folder:
        return write(source, folder)


def run(*, kind: str, dataset: Path, output: Path) -> int:
    """Write an export and say how much it holds.

    Raises:
        BackendError: a package that it needs is not installed.
        DataError: the data set is damaged, or ``output`` holds files that no export wrote.
    """
    images = run_export(kind, dataset, output)
    logger.log(SUMMARY, "%s: %d images in %s", kind, images, output)
    return 0
