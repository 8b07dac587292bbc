"""Asking segmenters in batches, and what becomes of their failures."""

import numpy as np
import pytest

from varireal.errors import BackendError
from varireal.records import MaskResult
from varireal.segmenters.base import segment_all

SHAPE = (6, 8)


class Scripted:
    """Finds a mask of as many pixels as the photo's number, raises on some, and notes the sizes of its batches."""

    name, version, revision, uses_given, uses_names = "scripted", 1, None, True, True

    def __init__(self, batch_size=1, bad=(), answer=None):
        self.batch_size, self.bad, self.answer = batch_size, bad, answer
        self.batches = []

    def segment(self, images, given, class_names):
        self.batches.append(len(images))
        if self.bad == "backend":
            raise BackendError("no model")
        if any(int(image[0, 0, 0]) in self.bad for image in images):
            raise RuntimeError("spoilt\nphoto")
        return [self.answer or MaskResult(mask_of(image), "ok", "", 0.5, 1) for image in images]


def mask_of(image):
    return (np.arange(48) < image[0, 0, 0]).reshape(SHAPE)


def photos(count):
    return [np.full((*SHAPE, 3), number, np.uint8) for number in range(count)]


def ask(segmenter, count):
    return segment_all(segmenter, photos(count), [None] * count, [f"class {number}" for number in range(count)])


@pytest.mark.parametrize(("size", "batches"), [(1, [1] * 5), (2, [2, 2, 1]), (9, [5])])
def test_photos_come_in_batches_of_the_segmenters_liking(size, batches):
    segmenter = Scripted(size)
    results = ask(segmenter, 5)
    assert segmenter.batches == batches
    assert [int(result.mask.sum()) for result in results] == list(range(5))
    assert all(result.objects == 1 for result in results)


def test_a_photo_that_spoils_its_batch_costs_no_other_its_mask():
    segmenter = Scripted(4, bad=(2,))
    results = ask(segmenter, 6)
    assert segmenter.batches == [4, 1, 1, 1, 1, 2]
    assert [result.status for result in results] == ["ok", "ok", "mask_failed", "ok", "ok", "ok"]
    assert results[2].reason == "RuntimeError: spoilt photo"


def test_a_segmenter_that_cannot_run_ends_the_stage():
    with pytest.raises(BackendError, match="no model"):
        ask(Scripted(2, bad="backend"), 3)


@pytest.mark.parametrize(
    "answer", [MaskResult(None, "ok"), MaskResult(np.zeros((3, 3), bool), "ok"), MaskResult("mask", "ok")]
)
def test_an_answer_of_another_form_is_a_failure(answer):
    results = ask(Scripted(3, answer=answer), 3)
    assert [result.status for result in results] == ["mask_failed"] * 3
    assert all(result.reason for result in results)


def test_fewer_answers_than_photos_are_a_failure(monkeypatch):
    segmenter = Scripted(2)
    monkeypatch.setattr(segmenter, "segment", lambda *_: [])
    assert [result.status for result in ask(segmenter, 2)] == ["mask_failed"] * 2


def test_numbers_and_masks_come_back_in_plain_types():
    answer = MaskResult(np.full(SHAPE, 255, np.uint8), "ok", "", np.float32(0.5), np.int64(2))
    (result,) = ask(Scripted(answer=answer), 1)
    assert (result.mask.dtype, type(result.score), type(result.objects)) == (bool, float, int)


def test_no_photos_need_no_segmenter():
    assert segment_all(None, [], [], []) == []
