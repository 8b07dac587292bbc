"""Logits and features of every kind of CLIP against what is kept."""

import pytest

from golden.classifiers import KINDS, VALUES, logits
from golden.comparing import check_values, kept_values

SAME = 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_the_kept_ones(clip_folders, tmp_path, kind):
    check_values(VALUES, logits(clip_folders[kind]), tmp_path, bound=SAME, part=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_other_words_have_other_logits(clip_folders, kind):
    kept = kept_values(VALUES)[kind]
    other = logits(clip_folders[kind], texts=("a heron", "an egret", "a duck"))
    new = [value for key, value in other.items() if "feature" not in key]
    old = [value for key, value in kept.items() if "feature" not in key]
    assert max(abs(a - b) for a, b in zip(new, old, strict=True)) > 10 * SAME
