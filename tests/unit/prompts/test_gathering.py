import json

import pytest

from varireal.errors import DataError
from varireal.prompts.gathering import class_files, gather


def gathered(tmp_path, **texts):
    records = []
    for name, text in texts.items():
        records.append(tmp_path / f"{name}.json")
        records[-1].write_text(text)
    assert gather(records=records, output=tmp_path / ".all.json") == 0
    return json.loads((tmp_path / ".all.json").read_text())


def test_it_has_every_class_and_changes_with_its_record(tmp_path):
    before = gathered(tmp_path, mallard="a", flamingo="b")
    after = gathered(tmp_path, mallard="a", flamingo="c")
    assert set(before) == {"mallard", "flamingo"}
    assert [name for name in before if before[name] != after[name]] == ["flamingo"]


def test_the_gathered_file_stands_for_the_files_of_its_classes_in_their_order(tmp_path):
    records = [tmp_path / "prompts" / ".record" / f"{name}.json" for name in ("wren", "auk")]
    records[0].parent.mkdir(parents=True)
    for record in records:
        record.write_text("{}")
    output = records[0].parent / ".all.json"
    gather(records=records, output=output)
    own = tmp_path / "own.yaml"
    assert class_files([own, output]) == [own, tmp_path / "prompts" / "wren.yaml", tmp_path / "prompts" / "auk.yaml"]


@pytest.mark.parametrize("text", ["{", "3", '{"../../etc/passwd": "x"}', "[1]"])
def test_a_damaged_gathered_file_is_named(tmp_path, text):
    (tmp_path / ".all.json").write_text(text)
    with pytest.raises(DataError, match=r"\.all\.json .* delete it and run again"):
        class_files([tmp_path / ".all.json"])
