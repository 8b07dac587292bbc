"""What a workflow does before its first job: config and prompts checked, the study's folder taken, its notes written.

The rules call it; Snakemake's own objects are handed in, and are looked at in ``running.snakemake_side`` alone.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from varireal.config.model import parse_config
from varireal.core.files import merged
from varireal.running import snakemake_side
from varireal.running.workflow import Collector
from varireal.study.layout import Layout


def checked_layout(workflow: Any, config: Mapping[str, Any], namespace: str) -> Layout:
    """Check config and prompts before any job starts; a job of its own on a cluster has that behind it.

    Args:
        workflow: Snakemake's.
        config: as Snakemake gives it to the rules.
        namespace: name of the module that the rules are, for messages.
    """
    files = ", ".join(str(path) for path in workflow.configfiles) or "--config"
    if snakemake_side.is_module(workflow):
        files = f"module {namespace}"
    with snakemake_side.one_line_errors():
        typed = snakemake_side.command_line_values(workflow)
        layout = Layout(parse_config(merged(config, typed), place=files))
        if workflow.is_main_process:
            layout.check()
        else:
            layout.train_photos = 0  # only to ask for time and memory; photos are listed once, not by each job
    return layout


def begin_workflow(
    workflow: Any, given: Mapping[str, Any] | None, layout: Layout, failures: Collector, logger: logging.Logger
) -> None:
    """Own the study's folder until the end, and note what fails. Not called for a dry run, nor inside a job.

    Args:
        workflow: Snakemake's.
        given: the config of rules that are a module of another workflow, else None. It is known when the rules
            are read: by now the workflow is that around them.
        layout: the study's.
        failures: what notes them.
        logger: Snakemake's.
    """
    from varireal.config.generate import write_text  # here, because no job needs them
    from varireal.running.workflow import begin, note_start

    snakemake_side.mend_queue(workflow)
    root = layout.paths.root
    with snakemake_side.one_line_errors():
        made = snakemake_side.results(workflow, root)
        if not made:
            return  # a plan of the workflow around alone
        for line in begin(Path(root), snakemake_side.executor(workflow), made):
            logger.warning(line)
        # What changes no result. These are no inputs: Snakemake overlooks all else behind a job that writes an ancient
        # one.
        for stage in ("machine", "server"):
            write_text(text=layout.slice(stage), output=Path(layout.paths.config(stage)))
        note_start(snakemake_side.start(workflow, root, given))
    logger.addHandler(failures)
    snakemake_side.show_progress(workflow, root)
