import pytest

from varireal.reporting.results import axis, digits_of, thinned


@pytest.mark.parametrize(
    ("values", "options", "ends"),
    [
        ((0.0, 300.0), {"count": 3}, (0, 300)),
        ((52.0, 88.0), {"floor_at": 0.0, "top_at": 100.0}, (50, 90)),
        ((99.0, 100.0), {"top_at": 100.0}, (99, 100)),
        ((-4.4, 4.4), {"tight": True, "count": 6}, (-4.4, 4.4)),
        ((5.0, 5.0), {}, (4.5, 5.5)),
        ((float("nan"), 1.0, 2.0), {}, (1, 2)),
        ((), {}, (0, 1)),
    ],
)
def test_ends_are_round_and_ticks_lie_within(values, options, ends):
    found = axis(values, **options)
    assert (found.low, found.high) == pytest.approx(ends)
    assert len(found.ticks) >= 3
    assert all(found.low - 1e-6 <= tick <= found.high + 1e-6 for tick in found.ticks)


def test_places_are_percents_and_never_outside():
    found = axis((-10.0, 10.0), count=4)
    assert [found.at(value) for value in (-10, 0, 10, 99)] == ["0.00%", "50.00%", "100.00%", "100.00%"]
    assert found.labels(digits_of(found.ticks))[0] == ("0.00%", "−10")


def test_digits_are_those_that_the_ticks_need():
    assert digits_of((0.0, 0.25, 0.5)) == 2
    assert digits_of((0.0, 10.0)) == 0


def test_short_curves_are_kept_and_long_ones_are_block_means():
    assert thinned((1, 2), (3.0, 5.0), 10) == [(1.0, 3.0), (2.0, 5.0)]
    assert thinned((1, 2, 3, 4), (1.0, 3.0, 5.0, 7.0), 2) == [(1.5, 2.0), (3.5, 6.0)]
    assert thinned((), (), 2) == []
