import random

import pytest

from varireal.errors import DataError
from varireal.stages import outcomes
from varireal.stages.outcomes import Manifest
from varireal.store.schemas import MANIFEST


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Runs of 20 rows that are read 5 at a time, and parts of 16 rows."""
    monkeypatch.setattr(outcomes, "_PACK", 5)
    monkeypatch.setattr(outcomes, "_RUN", 20)
    monkeypatch.setattr(outcomes, "_PART", 16)


def row(number):
    texts = {field.name: "x" for field in MANIFEST if not field.nullable and str(field.type) == "string"}
    numbers = {field.name: number for field in MANIFEST if not field.nullable and str(field.type) == "int64"}
    return {**texts, **numbers, "candidate_id": f"photo-{number:04d}", "reasons": [f"why {number}"], "marks": None}


def made(tmp_path, numbers):
    sheet = Manifest(tmp_path)
    for number in numbers:
        sheet.add(row(number))
    return list(sheet.parts())


@pytest.mark.parametrize("count", [0, 1, 16, 20, 21, 64, 203])
def test_rows_come_back_sorted_and_in_parts_of_one_size(tmp_path, count):
    numbers = random.Random(3).sample(range(5000), count)
    parts = made(tmp_path, numbers)
    assert [part.num_rows for part in parts] == [16] * (count // 16) + ([count % 16] if count % 16 else [])
    rows = [found for part in parts for found in part.to_pylist()]
    assert [found["candidate_id"] for found in rows] == [f"photo-{number:04d}" for number in sorted(numbers)]
    assert all(found["reasons"] == [f"why {found['k']}"] for found in rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", [sorted, lambda numbers: sorted(numbers, reverse=True), lambda numbers: numbers])
def test_the_order_of_adding_does_not_matter(tmp_path, order):
    numbers = random.Random(4).sample(range(5000), 150)
    expected = made(tmp_path, sorted(numbers))
    assert made(tmp_path, order(numbers)) == expected
    assert all(part.schema.equals(MANIFEST) for part in expected)


@pytest.mark.parametrize("again", [0, 7, 42, 99])
def test_an_id_that_is_there_twice_is_named(tmp_path, again):
    with pytest.raises(DataError, match=f"two candidates are called 'photo-{again:04d}'"):
        made(tmp_path, [*range(100), again])
