"""One thread everywhere, no model hub, and the fixtures that several rings share."""

import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
# no test asks the hub: those of 'varireal fetch' ask a server of their own
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# tests read what Snakemake itself says; those of the progress view choose another one
os.environ.setdefault("SNAKEMAKE_LOGGER_VARIREAL_VIEW", "snakemake")

import cv2
import pytest
from filelock import FileLock

import prefork
from kit import ROOT, TINY, Project

cv2.setNumThreads(1)

# Unit tests without a model that take 5 s and more all the same: real servers, processes, trainings, many draws.
SLOW = {
    *("test_weak_model", "test_duplicate_prompts"),
    *("test_stopping_asked", "test_fetching", "test_pretrained_model", "test_asked_prompts", "test_dialects"),
    *("test_openai_images", "test_hosted_judge", "test_budgets", "test_dates", "test_demo", "test_scenes"),
    *("test_training", "test_adapters_stage", "test_augment", "test_calibration", "test_statistics_paired"),
    *("test_statistics_answers", "test_statistics_power", "test_statistics_family", "test_results", "test_figures"),
    *("test_flat", "test_plan", "test_grabcut", "test_environments", "test_rendered", "test_corpus"),
}
# Most of its time it waits for the cluster, so the other workers should have work beside it.
WAITS = "test_faults"


def pytest_configure(config: pytest.Config) -> None:
    """The run has a folder of its own for what all its workers use."""
    if not hasattr(config, "workerinput"):
        os.environ[prefork.SHARED] = tempfile.mkdtemp(prefix="varireal-tests-")
        os.environ[f"{prefork.SHARED}_PID"] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(prefork.SHARED), ignore_errors=True)


@pytest.hookimpl(optionalhook=True)  # also without xdist
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests of servers, clusters and processes wait for half of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rings that start Snakemake come first: a long file at the end keeps one worker busy and the others idle.

    Before them comes the file that waits longest, for a cluster: the others work in the meantime.

    Marked as slow is what `make test-quick` leaves out of the unit tests.
    """
    for item in items:
        if item.path.stem in SLOW or "tiny_model" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.path.stem == WAITS:
        return 0
    return 1 if any(item.iter_markers("e2e")) or any(item.iter_markers("workflow")) else 2


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
def shared_folder(tmp_path_factory) -> Path:
    """A folder that the workers of one run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def tiny_model(shared_folder):
    """Folder of a tiny model with random weights, by its name in ``tiny.models``; built at most once in a run."""

    def model(name: str) -> Path:
        folder = shared_folder / "tiny" / name
        done = folder.with_name(f"{name}.done")
        folder.parent.mkdir(exist_ok=True)
        with FileLock(folder.with_name(f"{name}.lock")):
            if not done.exists():
                from tiny.models import build

                build(name, folder)
                done.touch()
        return folder

    return model
