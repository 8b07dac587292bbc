from dataclasses import replace

import pytest

from kit import CLASSIFIERS, TINY
from varireal.config.generate import write_text
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.core import stages
from varireal.core.paths import parse_run
from varireal.study.jobs import Shape, Slices
from varireal.study.layout import Layout

STAGES = ("images", "prompts", "masks", "edits", "verdicts", "dataset", "adapters", "predictions", "report", "machine")
SDXL = {"edits": {"backend": "sdxl"}}
CONFIGS = [
    TINY,
    {**TINY, "study": TINY["study"] | {"shards": 3}, "edits": {"rounds": 3, "attributes": ["color", "texture"]}},
    {**TINY, "adapters": CLASSIFIERS | {"jobs": 2}},
    {**TINY, **SDXL},
    {**TINY, "edits": {"backend": "sdxl", "sdxl": {"preset": "paper"}}},
    {**TINY, "edits": {"backend": "sdxl", "sdxl": {"pool_size": 2}}},
]


def written(folder, config):
    """The layout of a config, its slices on disk, and the shape that these tell."""
    raw = {**config, "study": {**config["study"], "results": str(folder)}}
    layout = Layout(parse_config(raw))
    root = folder / config["study"]["name"]
    for stage in STAGES:
        write_text(text=layout.slice(stage), output=root / "config" / f"{stage}.json")
    slices = Slices.of_study(root)
    return layout, root, slices, slices.shape()


@pytest.mark.parametrize("config", CONFIGS)
def test_the_slices_tell_the_same_jobs_as_the_config(tmp_path, config):
    layout, _, _, shape = written(tmp_path, config)
    for stage in list(stages.STAGES)[:-3]:
        assert shape.jobs(stage) == layout.jobs(stage)
    assert shape.jobs("report") == layout.jobs("report")
    assert (shape.runs, shape.scored) == (layout.shape.runs, layout.shape.scored)
    for stage in stages.TRAINING_STAGES:
        assert shape.jobs(stage) == ([] if layout.jobs(stage) == [] else None)
    assert replace(shape, training_jobs=layout.config.adapters.jobs).jobs("adapters") == layout.jobs("adapters")


@pytest.mark.parametrize("config", CONFIGS)
def test_the_jobs_write_the_files_of_the_path_grammar(tmp_path, config):
    layout, root, _, _ = written(tmp_path, config)
    paths, edits = layout.paths, layout.config.edits
    size = (edits.attributes, layout.config.study.shards, edits.rounds)
    assert layout.outputs("images") == [paths.images]
    assert layout.outputs("prompts") == layout.all_prompts()
    assert layout.outputs("masks") == paths.every_mask(layout.config.study.shards)
    assert layout.outputs("priors") == [path for setting in layout.settings for path in layout.pool(*setting)]
    assert layout.outputs("edits") == paths.every_edit(*size)
    assert layout.outputs("verdicts") == paths.every_verdict(*size)
    runs = layout.shape.runs
    assert sorted(layout.outputs("adapters")) == sorted(
        path for run in runs for path in paths.adapter_files(*parse_run(run))
    )
    assert sorted(layout.outputs("predictions")) == sorted(
        paths.predictions(*parse_run(run)) for run in layout.shape.scored
    )
    for job in layout.jobs("adapters"):
        assert f"{root}/{job.output}" == paths.adapter_files(*parse_run(job.runs[-1]))[-1]


def test_trainings_are_dealt_in_turns_and_the_model_without_an_adapter_goes_first():
    shape = Shape(attributes=["color"], regimes=["real", "synthetic-*"], seeds=1, training_jobs=2)
    runs = [job.runs for job in shape.jobs("adapters")]
    assert runs == [
        ("real/seed0", "synthetic-color-infeasible/seed0"),
        ("synthetic-color-feasible/seed0", "synthetic-color-mixed/seed0"),
    ]
    assert [job.runs for job in shape.jobs("predictions")] == [("zero-shot/seed0", *runs[0]), runs[1]]
    alone = Shape(attributes=["color"], regimes=["zero-shot"], seeds=1, training_jobs=2)
    assert alone.jobs("adapters") == []
    assert [(job.name, job.runs) for job in alone.jobs("predictions")] == [
        ("predictions/00000-of-00002", ("zero-shot/seed0",))
    ]


def test_digests_are_those_that_tables_carry(tmp_path):
    layout, _, found, _ = written(tmp_path, TINY)
    slices = stage_slices(layout.config, layout.classes)
    assert {name: found.digests[name] for name in STAGES} == {name: slice_digest(slices[name]) for name in STAGES}


def test_stores_and_logs_have_the_names_of_the_rules(tmp_path):
    _, _, _, shape = written(tmp_path, TINY)
    job = shape.jobs("edits")[0]
    assert job.name == "edits/background/feasible/round0/00000-of-00001"
    assert job.store == "edits-background-feasible-round0-00000-of-00001"
    assert shape.jobs("masks")[0].store == "masks-00000-of-00001"


def test_what_the_slices_do_not_tell_is_unknown(tmp_path):
    nothing = Slices.of_study(tmp_path).shape()
    assert [nothing.jobs(stage) for stage in ("prompts", "masks", "priors", "edits", "verdicts", "adapters")] == [
        None
    ] * 6
    assert (nothing.shards, nothing.rounds, nothing.runs, nothing.classes) == (None,) * 4
    _, root, _, _ = written(tmp_path, TINY)
    (root / "config" / "dataset.json").write_text("{ half a fil")
    (root / "config" / "report.json").unlink()
    (root / "config" / "adapters.json").write_text("[1]")
    half = Slices.of_study(root).shape()
    assert half.jobs("masks") is None
    assert half.attributes == ["background", "color", "texture"]
    assert half.runs is None


def test_an_asked_study_has_one_job_of_prompts(tmp_path):
    _, _, _, shape = written(tmp_path, {**TINY, "prompts": {"source": "openai"}})
    assert [job.name for job in shape.jobs("prompts")] == ["prompts"]
    assert shape.asks
