"""Tiny models that the tests of the classifiers share; none is changed after it was saved."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import tiny_clips
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clip_folders(tmp_path_factory):
    """Folder of a random model of each kind."""
    return {kind: save(tmp_path_factory.mktemp(kind)) for kind, save in tiny_clips.SAVERS.items()}


@pytest.fixture
def clip(clip_folders):
    """A freshly loaded open_clip model."""
    return tiny_clips.load(clip_folders["open_clip"])
