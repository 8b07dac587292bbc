"""Edits segmented again: with a segmenter that finds what is red, and with GrabCut."""

import numpy as np
import pytest

from varireal.records import MaskResult
from varireal.segmenters.again import segment_again
from varireal.segmenters.grabcut import GrabCutSegmenter
from varireal.segmenters.quality import count_parts

SIDE = 60


class Red:
    """Everything red is the object; each part counts as one."""

    name, version, revision, uses_given, uses_names, batch_size = "red", 1, None, False, True, 4

    def __init__(self):
        self.asked = []

    def segment(self, images, given, class_names):
        self.asked += zip(given, class_names, strict=True)
        return [self.one(image) for image in images]

    def one(self, image):
        if image[0, 0, 2] == 255:
            raise RuntimeError("blue corner")
        mask = image[..., 0] > 200
        if not mask.any():
            return MaskResult(None, "mask_not_found", "No red was found.", None, 0)
        parts = count_parts(mask)
        status, reason = ("mask_several_objects", "Two were found.") if parts > 1 else ("ok", "")
        return MaskResult(mask, status, reason, 0.9, parts)


def box(left, right, top=20, bottom=40):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top:bottom, left:right] = True
    return mask


def picture(mask):
    return np.where(mask[..., None], (230, 30, 30), (40, 120, 60)).astype(np.uint8)


def check(*found, mask=None):
    mask = box(20, 40) if mask is None else mask
    return segment_again(Red(), [picture(each) for each in found], [mask] * len(found), ["gull"] * len(found))


def test_the_same_object_is_the_same():
    (same,) = check(box(20, 40))
    assert (same.iou, same.area_ratio, same.objects, same.status, same.reason) == (1.0, 1.0, 1, "ok", "")


def test_a_grown_object_has_more_area_and_a_cut_one_less():
    grown, cut = check(box(20, 50), box(20, 30))
    assert (grown.iou, grown.area_ratio) == (pytest.approx(2 / 3), 1.5)
    assert (cut.iou, cut.area_ratio) == (0.5, 0.5)


def test_a_doubled_object_is_counted_whatever_the_segmenter_says_of_it():
    (doubled,) = check(box(20, 40) | box(45, 55))
    assert (doubled.objects, doubled.status, doubled.reason) == (2, "mask_several_objects", "Two were found.")
    assert (doubled.iou, doubled.area_ratio) == (pytest.approx(2 / 3), 1.5)


def test_an_object_that_is_gone_is_a_measurement():
    (gone,) = check(np.zeros((SIDE, SIDE), bool))
    assert (gone.iou, gone.area_ratio, gone.objects, gone.status) == (0.0, 0.0, 0, "mask_not_found")


def test_a_failure_and_an_empty_mask_are_unknown():
    spoilt = picture(box(20, 40))
    spoilt[0, 0, 2] = 255
    good, bad = segment_again(Red(), [picture(box(20, 40)), spoilt], [box(20, 40)] * 2, ["gull"] * 2)
    assert good.iou == 1.0
    assert (bad.iou, bad.area_ratio, bad.status, bad.reason) == (
        None,
        None,
        "mask_failed",
        "RuntimeError: blue corner",
    )
    assert check(box(20, 40), mask=np.zeros((SIDE, SIDE), bool))[0].iou is None


def test_the_segmenter_gets_the_class_and_no_mask():
    red = Red()
    segment_again(red, [picture(box(20, 40))] * 2, [box(20, 40)] * 2, ["gull", "tern"])
    assert red.asked == [(None, "gull"), (None, "tern")]


def test_grabcut_finds_an_object_that_stayed_and_none_on_a_plain_picture():
    rng = np.random.default_rng(0)
    noisy = np.clip(picture(box(20, 40)) + rng.normal(0, 5, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    stayed, gone = segment_again(GrabCutSegmenter(), [noisy, noisy * 0 + 90], [box(20, 40)] * 2, ["gull"] * 2)
    assert stayed.iou > 0.9
    assert (stayed.objects, gone.iou, gone.status) == (None, 0.0, "mask_empty")
