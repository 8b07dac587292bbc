"""One thread everywhere, and the fixtures that several rings share."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import pytest

from kit import ROOT, TINY, Project

cv2.setNumThreads(1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, TINY)


@pytest.fixture(scope="session")
def photos_folder() -> Path:
    """Real photographs beside the checkout; they are not part of the project."""
    folder = ROOT.parent / "shared" / "photos"
    if not folder.is_dir():
        pytest.skip(f"no real photographs in {folder}")
    return folder
