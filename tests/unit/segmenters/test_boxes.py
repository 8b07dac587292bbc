"""Which of a detector's boxes are objects."""

import numpy as np
import pytest

from varireal.segmenters.grounded_models import Boxes, objects_among, usable_boxes


def boxes(*rows):
    """Rows of left, top, right, bottom, score."""
    table = np.array(rows, float).reshape(-1, 5)
    return Boxes(table[:, :4], table[:, 4])


def objects(*rows, overlap=0.5, margin=0.1):
    found = objects_among(usable_boxes(boxes(*rows), 100, 100), overlap=overlap, margin=margin)
    return [tuple(map(int, corners)) for corners in found.corners]


LEFT, RIGHT = (0, 0, 40, 100), (60, 0, 100, 100)


def test_the_best_box_comes_first_wherever_it_was():
    assert objects((*LEFT, 0.5), (*RIGHT, 0.8)) == [RIGHT]
    assert objects((*LEFT, 0.75), (*RIGHT, 0.8)) == [RIGHT, LEFT]


def test_of_equal_boxes_the_first_stays_first():
    assert objects((*LEFT, 0.8), (*RIGHT, 0.8)) == [LEFT, RIGHT]


def test_boxes_that_overlap_are_one_object():
    near = (8, 0, 48, 100)
    assert objects((*LEFT, 0.8), (*near, 0.79)) == [LEFT]
    assert objects((*LEFT, 0.8), (*near, 0.79), overlap=0.95) == [LEFT, near]


@pytest.mark.parametrize(("part", "whole"), [(0.8, 0.75), (0.75, 0.8)])
def test_a_part_and_its_whole_are_one_object(part, whole):
    assert len(objects((10, 10, 20, 20, part), (*LEFT, whole))) == 1


def test_a_box_far_below_the_best_is_no_object():
    assert objects((*LEFT, 0.8), (*RIGHT, 0.69)) == [LEFT]
    assert objects((*LEFT, 0.8), (*RIGHT, 0.69), margin=0.2) == [LEFT, RIGHT]


def test_a_suppressed_box_suppresses_no_other():
    """The middle one overlaps both; the last overlaps only the middle one."""
    rows = [(0, 0, 40, 100, 0.9), (10, 0, 50, 100, 0.89), (20, 0, 60, 100, 0.88)]
    assert objects(*rows) == [(0, 0, 40, 100), (20, 0, 60, 100)]


def test_boxes_are_clipped_and_those_of_no_area_or_score_left_out():
    rows = [
        (-20, -5, 130, 50, 0.6),
        (120, 0, 150, 10, 0.9),  # beside the photo
        (10, 10, 10.4, 50, 0.9),
        (50, 50, 40, 60, 0.9),  # turned over
        (*LEFT, np.nan),
        (np.nan, 0, 5, 5, 0.9),
    ]
    found = usable_boxes(boxes(*rows), 100, 100)
    assert found.corners.tolist() == [[0, 0, 100, 50]]
    assert found.scores.tolist() == [0.6]


def test_no_boxes_are_no_objects():
    assert objects() == []
    assert len(usable_boxes(boxes(), 10, 10)) == 0
