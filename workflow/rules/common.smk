# What all rules share: the checked config, and the layout of the study's jobs. All logic is in varireal.study.layout.
import sys
from pathlib import Path

from varireal.config.model import parse_config
from varireal.core.files import merged
from varireal.study.jobs import adapter_files
from varireal.study.layout import Layout
from varireal.running import installation, snakemake_side
from varireal.running.snakemake_side import one_line_errors
from varireal.running.workflow import Collector


def checked_layout():
    """Check config and prompts before any job starts; a job of its own on a cluster has that behind it."""
    files = ", ".join(str(path) for path in workflow.configfiles) or "--config"
    if MODULE:
        files = f"module {__name__}"
    with one_line_errors():
        typed = snakemake_side.command_line_values(workflow)
        layout = Layout(parse_config(merged(config, typed), place=files))
        if workflow.is_main_process:
            layout.check()
        else:
            layout.train_photos = 0  # only to ask for time and memory; photos are listed once, not by each job
    return layout


def begin_workflow(logger):
    """Own the study's folder until the end, and note what fails. Not called for a dry run, nor inside a job."""
    from varireal.config.generate import write_text  # here, because no job needs them
    from varireal.running.workflow import begin, note_start

    snakemake_side.mend_queue(workflow)
    with one_line_errors():
        made = snakemake_side.results(workflow, PATHS.root)
        if not made:
            return  # a plan of the workflow around alone
        for line in begin(Path(PATHS.root), snakemake_side.executor(workflow), made):
            logger.warning(line)
        # What changes no result. These are no inputs: Snakemake overlooks all else behind a job that writes an ancient one.
        for stage in ("machine", "server"):
            write_text(text=LAYOUT.slice(stage), output=Path(PATHS.config(stage)))
        note_start(
            snakemake_side.start(workflow, PATHS.root, config if MODULE else None)
        )
    logger.addHandler(FAILURES)
    snakemake_side.show_progress(workflow, PATHS.root)


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
LAYOUT = checked_layout()
PATHS = LAYOUT.paths
FAILURES = Collector()


wildcard_constraints:
    stage="[a-z]+",
    class_id="[a-z0-9][a-z0-9-]*",
    shard=r"\d{5}-of-\d{5}",
    attribute="[a-z][a-z0-9_]*",
    feasibility="feasible|infeasible",
    round=r"\d+",
