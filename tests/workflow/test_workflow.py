"""The workflow ring: lint, format, dry runs, and every rule's command against the real command line."""

import re
import shlex
import subprocess

import pytest

from kit import ROOT, TINY, environment
from varireal.cli import build_parser, join_words

pytestmark = pytest.mark.workflow

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def test_lint_is_clean():
    done = subprocess.run(["snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr


def test_dry_run_counts(project):
    run = project.snakemake("-n")
    assert run.code == 0, run.text
    settings, rounds = 6, 2
    assert run.jobs == {
        "all": 1,
        "stage_config": 7,
        "images": 1,
        "prompts": 2,
        "prompts_gathered": 1,
        "masks": 1,
        "edits": settings * rounds,
        "verdicts": settings * rounds,
        "dataset": 1,
        "report": 1,
    }


def test_shards_multiply_the_jobs(project):
    project.configure(
        {**TINY, "study": {"name": "tiny", "shards": 3}, "edits": {"attributes": ["color"], "rounds": 1}}
    )
    jobs = project.snakemake("-n").jobs
    assert (jobs["masks"], jobs["edits"], jobs["verdicts"], jobs["dataset"]) == (3, 6, 6, 1)


def test_every_command_parses(project):
    run = project.snakemake("-n", "-p")
    assert run.code == 0, run.text
    lines = re.findall(r"^Shell command: (varireal .*)$", run.text, re.M)
    commands = [shlex.split(line.partition(" <<< ")[0]) for line in lines]  # a slice comes by standard input
    assert len(commands) == sum(run.jobs.values()) - 1
    parser = build_parser()
    for command in commands:
        args = parser.parse_args(join_words(command[1:]))
        assert args.log is not None


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_keep_the_house_rules(path):
    text = path.read_text()
    assert not re.search(r"^\s+(run|script|message):", text, re.M)
    assert "slurm" not in text
    for block in re.split(r"^ *rule ", text, flags=re.M)[1:]:
        name = block.split(":")[0]
        shell = block[block.index("shell:") :]
        for field in re.findall(r"\{([^{}]+)\}", shell):
            assert field.endswith(":q") or field in ("threads", "wildcards.round"), (
                f"{name}: {{{field}}} is not quoted"
            )
        wanted = ["output:", "log:", "params:", "shell:"]
        if name != "stage_config":
            wanted = [
                "input:",
                "output:",
                "log:",
                "benchmark:",
                "conda:",
                "threads:",
                "resources:",
                "params:",
                "shell:",
            ]
        positions = [block.index(f"    {directive}") for directive in wanted]
        assert positions == sorted(positions), f"{name}: directives are out of order"


def test_common_stays_small():
    text = (ROOT / "workflow" / "rules" / "common.smk").read_text()
    assert len(text.splitlines()) <= 80
    assert text.count("def ") <= 8


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"edits": {"bakend": "x"}}, ["edits.bakend", "did you mean 'backend'"]),
        ({"edits": {"backend": "nope"}}, ["edits.backend", "'nope'", "procedural"]),
        ({"study": {"shards": 0}}, ["study.shards", "greater than or equal to 1"]),
        ({"openai_api_key": "x"}, ["openai_api_key", "environment variables"]),
        ({"prompts": {"bank": {"path": "nothing.yaml"}}}, ["prompts.bank.path", "nothing.yaml"]),
        ({"prompts": {"bank": {"path": "everyday"}}}, ["flamingo", "everyday"]),
        ({"prompts": {"minimum": 500}}, ["500"]),
    ],
)
def test_a_mistake_stops_before_any_job(project, config, words):
    project.configure({**TINY, **config})
    run = project.snakemake()
    assert run.code == 2, run.text
    lines = [line for line in run.text.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, run.text
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in run.text
    assert not (project.folder / "results").exists()


def test_layout_is_not_a_snakemake_thing():
    """Only its logger plugin and the one place of Snakemake's objects import it: the stages outlive the scheduler."""
    root = ROOT / "src"
    places = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"^\s*(import|from) snakemake", path.read_text(), re.M)
    }
    assert places == {"snakemake_logger_plugin_varireal/__init__.py", "varireal/running/snakemake_side.py"}
