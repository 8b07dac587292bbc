from dataclasses import replace

import numpy as np
import pytest
from simulated_runs import COMPARISON, World

from varireal.statistics.paired import difference, finding, holm, settle
from varireal.statistics.records import Finding, Interval, StatisticsSettings

SETTINGS = StatisticsSettings(margin=0.01)


def rows(*values):
    row = difference(*World().run(np.random.default_rng(0), 2, 20), COMPARISON, SETTINGS)
    return [
        replace(row, family=family, p=p, tost_p=tost_p, difference=Interval(0.2, 0.1, 0.3))
        for family, p, tost_p in values
    ]


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, then never falling.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == pytest.approx([0.02])


def test_each_family_is_corrected_alone_and_each_kind_of_test_too():
    found = settle(rows(("x", 0.02, 0.9), ("y", 0.03, 0.04), ("x", 0.04, 0.01), ("x", 0.5, 0.03)), SETTINGS)
    assert [row.family for row in found] == ["x", "y", "x", "x"]
    assert [row.p_holm for row in found] == pytest.approx([0.06, 0.03, 0.08, 0.5])
    assert [row.tost_p_holm for row in found] == pytest.approx([0.9, 0.04, 0.03, 0.06])
    assert [row.finding for row in found] == [
        Finding.UNDECIDED,
        Finding.HIGHER,
        Finding.EQUIVALENT,
        Finding.UNDECIDED,
    ]
    assert [row.p for row in found] == [0.02, 0.03, 0.04, 0.5]


def test_no_rows_are_no_families():
    assert settle([], SETTINGS) == ()


@pytest.mark.parametrize(
    ("interval", "p", "tost_p", "expected"),
    [
        (Interval(0.02, 0.01, 0.03), 0.04, 0.9, Finding.HIGHER),
        (Interval(-0.02, -0.03, -0.01), 0.04, 0.9, Finding.LOWER),
        (Interval(0.02, 0.01, 0.03), 0.06, 0.9, Finding.UNDECIDED),
        (Interval(0.0, -0.008, 0.008), 0.9, 0.04, Finding.EQUIVALENT),
        (Interval(0.0, -0.012, 0.012), 0.9, 0.06, Finding.UNDECIDED),
        (Interval(0.004, 0.001, 0.007), 0.01, 0.01, Finding.EQUIVALENT),
        (Interval(0.006, 0.001, 0.0101), 0.01, 0.04, Finding.HIGHER),
        (Interval(-0.006, -0.0101, -0.001), 0.01, 0.04, Finding.LOWER),
    ],
)
def test_findings(interval, p, tost_p, expected):
    assert finding(interval, p, tost_p, SETTINGS) is expected
