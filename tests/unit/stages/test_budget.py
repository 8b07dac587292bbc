import pytest

from varireal.errors import DataError
from varireal.stages.common import Tally


def rows(*statuses):
    return [{"id": f"item{n}", "status": status, "reason": f"why {status}"} for n, status in enumerate(statuses)]


def check(table, allowed):
    Tally("id", frozenset({"edit_failed"}), table).check("edits", allowed)


def test_failures_within_the_budget_are_only_rows():
    check(rows("ok", "ok", "ok", "edit_failed"), 0.25)
    check([], 0.0)


def test_expected_outcomes_do_not_count():
    check(rows("no_mask", "no_mask"), 0.0)


def test_too_many_failures_end_the_stage_with_a_table():
    with pytest.raises(DataError) as caught:
        check(rows(*["edit_failed"] * 7, "ok"), 0.5)
    message = str(caught.value)
    assert "7 of 8 items failed (edit_failed 7)" in message
    assert "why edit_failed" in message
    assert "item4" in message
    assert "item5" not in message  # five examples


def test_counts_start_with_ok():
    assert list(Tally("id", frozenset(), rows("no_mask", "ok", "ok")).counts.items()) == [("ok", 2), ("no_mask", 1)]
