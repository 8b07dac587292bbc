import json

from varireal.prompting.gathering import gather


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
