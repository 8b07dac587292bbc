"""The guest house: painted birds, scenes and materials of the demo, its editor, and what trained the shipped models.

It stands on ``varireal`` and is reached through the registry alone, as the backends of other packages are.
"""

from varireal.names import TEST, TRAIN, VAL

TEST_BACKGROUND, TEST_PLUMAGE = "test_background", "test_plumage"


def pictures_by_split(train: int, val: int, test: int) -> dict[str, int]:
    """Pictures of each species by split: the test set, and two shifted ones as large."""
    return {TRAIN: train, VAL: val, TEST: test, TEST_BACKGROUND: test, TEST_PLUMAGE: test}
