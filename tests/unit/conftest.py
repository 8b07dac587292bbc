"""Photos that the tests of the editors share."""

import pytest

from edit_photos import photo


@pytest.fixture(params=[(0.5, 0.5, 0.5), (0.07, 0.06, 0.06), (0.93, 0.92, 0.9), (0.65, 0.42, 0.2)],
                ids=["gray", "dark", "white", "brown"])  # fmt: skip
def any_photo(request):
    return photo(request.param)
