# What all rules share: the checked config, and the layout of the study's jobs. All logic is in varireal.study.
import sys
from pathlib import Path

from varireal.study.beginning import begin_workflow, checked_layout
from varireal.study.jobs import adapter_files
from varireal.running import installation, snakemake_side
from varireal.running.snakemake_side import one_line_errors
from varireal.running.workflow import Collector


def begin():
    """Not called for a dry run, nor inside a job."""
    begin_workflow(workflow, config if MODULE else None, LAYOUT, FAILURES, logger)


def tell_failures():
    """Say at the end what failed. Not called when all went well."""
    FAILURES.take_back(snakemake_side.finished_jobs(workflow))
    FAILURES.tell_at_exit()


def results(path):
    """A path in the study's folder, {study.results}/{study.name} of the config."""
    return f"{PATHS.root}/{path}"


def environment(stage):
    """Conda environment of a stage whose backends decide what it needs."""
    return f"../../envs/{LAYOUT.environment(stage)}.yaml"


def earlier(table):
    """Input function: tables of the rounds before this one."""
    return lambda w: [
        results(f"{table}/{w.attribute}/{w.feasibility}/round{n}/{w.shard}.parquet")
        for n in range(int(w.round))
    ]


MODULE = snakemake_side.is_module(workflow)

# Which installation jobs run, and its version. Snakemake compares neither, so another one makes nothing run again.
installation.put_first()
snakemake_side.set_prefix(workflow, shell)

with one_line_errors():
    snakemake_side.settle_names(workflow)
LAYOUT = checked_layout(workflow, config, __name__)
PATHS = LAYOUT.paths
FAILURES = Collector()


wildcard_constraints:
    stage="[a-z]+",
    class_id="[a-z0-9][a-z0-9-]*",
    shard=r"\d{5}-of-\d{5}",
    attribute="[a-z][a-z0-9_]*",
    feasibility="feasible|infeasible",
    round=r"\d+",
