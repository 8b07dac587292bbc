import base64
import json

import pytest

from varireal.errors import BackendError, ConfigError
from varireal.tools.why_sources import DryRunJob, dry_run, read_jobs, read_record, record_place

ROOT = "out, put; x/tiny"

TEXT = f"""Config file config.yaml is extended by additional config specified via the command line.
Building DAG of jobs...
Job stats:
job             count
total              4

[Wed Nov 25 10:23:35 2026]
localrule stage_config:
    output: {ROOT}/config/edits.json
    log: {ROOT}/logs/config/edits.log
    jobid: 10
    reason: Params have changed since last execution: Union of exclusive params before and now across all output: \
before: '{{"a": "; Missing output files: {ROOT}/x"}}' now: '{{"a": 2}}'\x20
    wildcards: stage=edits
[Wed Nov 25 10:23:35 2026]
rule masks:
    input: {ROOT}/config/masks.json, {ROOT}/images.parquet
    output: {ROOT}/masks/00000-of-00001.parquet
    log: {ROOT}/logs/masks/00000-of-00001.log
    reason: Missing output files: {ROOT}/masks/00000-of-00001.parquet; Input files updated by another job: \
{ROOT}/config/masks.json, {ROOT}/images.parquet; Code has changed since last execution
rule adapters_00000-of-00001:
    output: {ROOT}/adapters/a, {ROOT}/adapters/b
    log: {ROOT}/logs/adapters/00000-of-00001.log
    reason: Updated input files: {ROOT}/images.parquet; Params have changed since last execution: Union of exclusive \
params before and now across all output: before: <nothing exclusive> now: 'x' ; Software environment definition has \
changed since last execution
rule prompts:
    output: {ROOT}/prompts/a.yaml (update), {ROOT}/prompts/.record/a.json
    log: {ROOT}/logs/prompts/a.log
    reason: Incomplete output files: {ROOT}/prompts/a.yaml; Set of input files has changed since last execution
rule all:
    input: {ROOT}/images.parquet
    reason: Input files updated by another job: {ROOT}/images.parquet
"""


def test_jobs_and_their_reasons_are_read():
    jobs = {job.rule: job for job in read_jobs(TEXT, ROOT)}
    assert set(jobs) == {"stage_config", "masks", "adapters_00000-of-00001", "prompts"}
    assert jobs["masks"] == DryRunJob(
        "masks",
        f"{ROOT}/logs/masks/00000-of-00001.log",
        (f"{ROOT}/config/masks.json", f"{ROOT}/images.parquet"),
        (f"{ROOT}/masks/00000-of-00001.parquet",),
        {
            "missing": (f"{ROOT}/masks/00000-of-00001.parquet",),
            "behind": (f"{ROOT}/config/masks.json", f"{ROOT}/images.parquet"),
            "code": (),
        },
    )
    adapters = jobs["adapters_00000-of-00001"]
    assert adapters.stage == "adapters"
    assert set(adapters.reasons) == {"newer", "params", "environment"}
    assert adapters.outputs == (f"{ROOT}/adapters/a", f"{ROOT}/adapters/b")


def test_what_a_config_holds_is_no_reason():
    config = next(read_jobs(TEXT, ROOT))
    assert (config.stage, config.reasons) == ("config", {"params": ()})


def test_flags_of_snakemake_are_no_part_of_a_path():
    prompts = next(job for job in read_jobs(TEXT, ROOT) if job.rule == "prompts")
    assert prompts.outputs == (f"{ROOT}/prompts/a.yaml", f"{ROOT}/prompts/.record/a.json")
    assert prompts.reasons == {"incomplete": (f"{ROOT}/prompts/a.yaml",), "inputs": ()}


def test_a_workflow_that_fails_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text('import sys\nsys.stderr.write("error: nothing is right\\n")\nsys.exit(2)\n')
    with pytest.raises(ConfigError, match=r"^nothing is right$"):
        dry_run([], "results/x")
    (tmp_path / "Snakefile").write_text("rule a:\n    output: 'x'\n    input: 'not there'\n    shell: 'true'\n")
    with pytest.raises(BackendError, match="failed"):
        dry_run([], "results/x")


@pytest.mark.parametrize("output", ["results/a.parquet", "results/" + "long/" * 90 + "a.parquet"])
def test_records_of_snakemake_are_found_by_their_names(tmp_path, output):
    place = record_place(output, tmp_path)
    parts = place.relative_to(tmp_path).parts
    assert all(len(part) <= 255 for part in parts)
    name = "".join(part.removeprefix("@") for part in parts)
    assert base64.urlsafe_b64decode(name).decode() == output
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"params": ["'edits v2 abc'", "3"], "input": ["a"]}))
    record = read_record(output, tmp_path)
    assert record.has(3)
    assert record.starting("edits v") == "edits v2 abc"
    assert record.starting("masks v") is None


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    assert read_record("a", tmp_path) is None
    record_place("a", tmp_path).write_text("{")
    assert read_record("a", tmp_path) is None
