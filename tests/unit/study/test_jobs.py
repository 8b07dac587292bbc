import pytest

from kit import CLASSIFIERS, TINY
from varireal.config.generate import write_text
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.study.jobs import Plan, adapter_output, prediction_output
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
    """The layout of a config, and the plan that its slices on disk give."""
    raw = {**config, "study": {**config["study"], "results": str(folder)}}
    layout = Layout(parse_config(raw))
    root = folder / config["study"]["name"]
    for stage in STAGES:
        write_text(text=layout.slice(stage), output=root / "config" / f"{stage}.json")
    return layout, root, Plan.of_study(root)


def outputs(plan, root, stage):
    return [f"{root}/{job.output}" for job in plan.jobs(stage)]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_jobs_are_those_of_the_workflow(tmp_path, config):
    layout, root, plan = written(tmp_path, config)
    assert outputs(plan, root, "images") == [layout.paths.images]
    assert outputs(plan, root, "prompts") == layout.all_prompts()
    assert outputs(plan, root, "masks") == layout.all_masks()
    assert outputs(plan, root, "priors") == layout.all_pools()
    assert sorted(outputs(plan, root, "edits")) == sorted(layout.all_edits())
    assert sorted(outputs(plan, root, "verdicts")) == sorted(layout.all_verdicts())
    trained = [f"{root}/{adapter_output(run)}" for run in plan.runs]
    assert set(trained) <= set(layout.all_adapters())
    assert 3 * len(trained) == len(layout.all_adapters())
    assert sorted(f"{root}/{prediction_output(run)}" for run in plan.scored) == sorted(layout.all_predictions())


def test_digests_are_those_that_tables_carry(tmp_path):
    layout, _, plan = written(tmp_path, TINY)
    slices = stage_slices(layout.config, layout.classes)
    assert {name: plan.digests[name] for name in STAGES} == {name: slice_digest(slices[name]) for name in STAGES}


def test_stores_and_logs_have_the_names_of_the_rules(tmp_path):
    _, _, plan = written(tmp_path, TINY)
    job = plan.jobs("edits")[0]
    assert job.name == "edits/background/feasible/round0/00000-of-00001"
    assert job.store == "edits-background-feasible-round0-00000-of-00001"
    assert plan.jobs("masks")[0].store == "masks-00000-of-00001"


def test_what_the_slices_do_not_tell_is_unknown(tmp_path):
    nothing = Plan.of_study(tmp_path)
    assert [nothing.jobs(stage) for stage in ("prompts", "masks", "priors", "edits", "verdicts", "adapters")] == [
        None
    ] * 6
    assert (nothing.shards, nothing.rounds, nothing.runs, nothing.classes) == (None,) * 4
    _, root, _ = written(tmp_path, TINY)
    (root / "config" / "dataset.json").write_text("{ half a fil")
    (root / "config" / "report.json").unlink()
    (root / "config" / "adapters.json").write_text("[1]")
    half = Plan.of_study(root)
    assert half.jobs("masks") is None
    assert half.attributes == ["background", "color", "texture"]
    assert half.runs is None


def test_an_asked_study_has_one_job_of_prompts(tmp_path):
    _, _, plan = written(tmp_path, {**TINY, "prompts": {"source": "openai"}})
    assert [job.name for job in plan.jobs("prompts")] == ["prompts"]
    assert plan.asks
