import pytest

from varireal.core.paths import StudyPaths, dataset_files, parse_shard, shard_name
from varireal.errors import ConfigError


def test_shard_names_round_trip():
    assert shard_name(3, 16) == "00003-of-00016"
    assert parse_shard("00003-of-00016") == (3, 16)


@pytest.mark.parametrize("text", ["3-of-16", "00016-of-00016", "00003-of-", "x", "00003_of_00016", "-0001-of-00016"])
def test_bad_shard_names_are_refused(text):
    with pytest.raises(ConfigError, match="is not a shard name"):
        parse_shard(text)


def test_edits_and_verdicts_come_in_the_same_order():
    paths = StudyPaths("results/demo")
    edits = paths.every_edit(("color", "texture"), shards=2, rounds=2)
    verdicts = paths.every_verdict(("color", "texture"), shards=2, rounds=2)
    assert len(edits) == 2 * 2 * 2 * 2
    assert [path.replace("/edits/", "/verdicts/") for path in edits] == verdicts
    assert edits[0] == "results/demo/edits/color/feasible/round0/00000-of-00002.parquet"


def test_dataset_has_one_file_per_setting_and_shard():
    files = dataset_files(("color",), 3)
    assert len(files) == len(set(files)) == 6
    assert files[-1] == "data/train-00005-of-00006.parquet"
