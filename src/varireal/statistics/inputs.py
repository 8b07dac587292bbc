"""Checks of what the statistics are given, and which seeds of two regimes belong together."""

import numpy as np

from varireal.errors import DataError
from varireal.records import Array
from varireal.statistics.records import TestSetResult


def check_result(result: TestSetResult) -> None:
    """Refuse a result whose parts do not fit one another.

    Raises:
        DataError: there is no picture or no seed, shapes differ, or ids or seeds are not ascending and unique.
    """
    where = f"The predictions of {result.regime} on {result.test_set}"
    shape = (len(result.seeds), len(result.image_ids))
    if 0 in shape:
        raise DataError(f"{where} hold {shape[0]} seeds and {shape[1]} pictures: at least one of each is needed.")
    if result.labels.shape != shape[1:] or result.top1.shape != shape or result.in_top5.shape != shape:
        shapes = f"labels {result.labels.shape}, top1 {result.top1.shape}, in_top5 {result.in_top5.shape}"
        raise DataError(f"{where} do not fit {shape[0]} seeds and {shape[1]} pictures: {shapes}.")
    if list(result.image_ids) != sorted(set(result.image_ids)) or list(result.seeds) != sorted(set(result.seeds)):
        raise DataError(f"{where} must have ids and seeds that are ascending and appear once.")


def check_pair(a: TestSetResult, b: TestSetResult) -> None:
    """Refuse two results that are not of the same pictures.

    Raises:
        DataError: test sets, pictures or labels differ, or a result does not fit itself (``check_result``).
    """
    check_result(a)
    check_result(b)
    where = f"{a.regime} on {a.test_set} and {b.regime} on {b.test_set} cannot be paired"
    if a.test_set != b.test_set:
        raise DataError(f"{where}: these are two test sets.")
    if a.image_ids != b.image_ids:
        odd = sorted(set(a.image_ids) ^ set(b.image_ids))
        raise DataError(f"{where}: {len(odd)} pictures are in one only, such as {odd[0]}.")
    if not np.array_equal(a.labels, b.labels):
        first = a.image_ids[int(np.argmax(a.labels != b.labels))]
        raise DataError(f"{where}: their labels differ, such as for {first}.")


def paired_correct(a: TestSetResult, b: TestSetResult) -> tuple[Array, Array]:
    """Return both sides' (S, N) bool correctness for the seeds they share.

    A side with one seed (zero-shot, which no seed changes) meets every seed of the other.

    Raises:
        DataError: both have several seeds and none in common.
    """
    if len(a.seeds) == 1 or len(b.seeds) == 1:
        shape = (max(len(a.seeds), len(b.seeds)), len(a.image_ids))
        return np.broadcast_to(a.correct, shape), np.broadcast_to(b.correct, shape)
    common = sorted(set(a.seeds) & set(b.seeds))
    if not common:
        raise DataError(
            f"{a.regime} (seeds {list(a.seeds)}) and {b.regime} (seeds {list(b.seeds)}) on {a.test_set} "
            "share no seed: train both with the same seeds."
        )
    return a.correct[np.isin(a.seeds, common)], b.correct[np.isin(b.seeds, common)]
