import json
import math

import pytest

from varireal.reporting.data_files import rounded, script_json, write_script


def test_hostile_text_survives_but_cannot_end_the_script(small):
    text = script_json([small.hostile, "<!--", "\ud800"])
    assert json.loads(text) == [small.hostile, "<!--", "\ud800"]
    assert text.isascii()
    assert not set("<>&") & set(text)


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([math.nan])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123456789, 0.12346), (1234567.0, 1234600.0), (0.0, 0.0), (None, None), (math.nan, None), (-math.inf, None)],
)
def test_numbers_are_short_and_finite(value, expected):
    assert rounded(value) == expected


def test_a_data_file_is_one_call(tmp_path):
    write_script(tmp_path, "page", 7, {"cards": [1]})
    assert [path.name for path in tmp_path.iterdir()] == ["page-00007.js"]
    assert (tmp_path / "page-00007.js").read_text() == 'varireal.page(7,{"cards":[1]});\n'
