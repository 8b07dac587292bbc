"""One thread everywhere, no model hub, and the fixtures that several rings share."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
# no test asks the hub: those of 'varireal fetch' ask a server of their own
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import cv2
import pytest

from kit import ROOT, TINY, Project

cv2.setNumThreads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rings that start Snakemake come first: a long file at the end keeps one worker busy and the others idle."""
    items.sort(key=lambda item: not any(item.iter_markers("e2e")) and not any(item.iter_markers("workflow")))


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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder of a tiny model with random weights, by its name in ``tiny.models``; built at most once."""
    built: dict[str, Path] = {}

    def model(name: str) -> Path:
        if name not in built:
            from tiny.models import build

            built[name] = build(name, tmp_path_factory.mktemp(name))
        return built[name]

    return model
