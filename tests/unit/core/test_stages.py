"""A stage is a row: the commands, jobs, keys and tools follow from it."""

from dataclasses import replace

import pytest

from varireal.commands import COMMANDS
from varireal.config import slices
from varireal.config.model import parse_config
from varireal.core.paths import StudyPaths
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.stages import CONFIG, OUTPUT, STAGES, Stage, slice_of
from varireal.study.jobs import Shape
from varireal.study.layout import Layout
from varireal.tools.plan_amounts import count_items
from varireal.tools.status_study import stage_numbers

SHEETS = Stage(
    "draw a sheet of all edits", "DatasetSlice", (CONFIG, OUTPUT), unit="sheets", version=7, slice="dataset",
    output="sheets", per="shard", megabytes=321,
)  # fmt: skip


def sheets(paths, shard):
    return f"{paths.root}/sheets/{shard}.parquet"


@pytest.fixture
def added(monkeypatch):
    """A new stage: its row and its path, and no more."""
    monkeypatch.setitem(STAGES, "sheets", SHEETS)
    monkeypatch.setitem(STAGE_VERSIONS, "sheets", SHEETS.version)  # made of the rows when the package is imported
    monkeypatch.setattr(StudyPaths, "sheets", sheets, raising=False)


def test_every_stage_has_a_command_a_slice_and_a_path():
    for name, stage in STAGES.items():
        assert COMMANDS[name].options == stage.options
        assert hasattr(slices, stage.slice_model)
        assert slice_of(name) in STAGES
        assert hasattr(StudyPaths, stage.output)


def test_the_jobs_of_a_new_stage_follow_from_what_has_a_job_of_its_own(added):
    shape = Shape(attributes=["color"], shards=2, rounds=2, pooled=["color"])
    assert [job.output for job in shape.jobs("sheets")] == [
        "sheets/00000-of-00002.parquet",
        "sheets/00001-of-00002.parquet",
    ]
    assert [job.store for job in shape.jobs("sheets")] == ["sheets-00000-of-00002", "sheets-00001-of-00002"]
    assert Shape().jobs("sheets") is None


def test_a_new_stage_is_in_keys_needs_plans_and_status(added, tmp_path):
    layout = Layout(parse_config({"study": {"results": str(tmp_path)}}))
    assert layout.key("sheets") == f"sheets v7 {layout.key('dataset').split()[-1]}"
    assert layout.needs("sheets").mem_mb == 321
    assert count_items(layout).stages["sheets"].jobs == 1
    assert stage_numbers("sheets", None).unit == "sheets"


def test_an_unknown_setting_of_a_row_fails_where_it_is_written():
    with pytest.raises(TypeError, match="memory"):
        replace(SHEETS, memory=5)
