"""What Snakemake makes of a study, as a program of its own: ``python tests/finished/jobs.py PLACES OUTPUT``.

PLACES is JSON: a list of [folder, config file]. OUTPUT gets, for each, the jobs of the whole study: rule, inputs,
outputs, and what Snakemake keeps to find out whether a job has to run again (its params and the text of its rule).
With ``--run`` the command of every job that has an item store is run as well, in this process, so that torch is loaded
once; OUTPUT then has for each log how many items were computed.
"""

import json
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

_COMPUTED = re.compile(r"; computed (\d+) now; ")


def jobs(folder: Path, study: str) -> list[dict]:
    """The jobs of a study, all that there are."""
    os.chdir(folder)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path(study)]),
            snakefile=folder / "Snakefile",
            workdir=folder,
        )
        workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
        # private; there is no public way to a job's params
        found = [job for job in workflow._workflow.dag.toposorted() for job in sorted(job, key=str)]
    return [
        {
            "rule": job.rule.name,
            "input": sorted(map(str, job.input)),
            "output": list(map(str, job.output)),
            "params": list(map(str, job.non_derived_params)),
            "code": str(job.rule.shellcmd),
            "command": job.shellcmd,
        }
        for job in found
        if job.rule.shellcmd is not None
    ]


def run(found: list[dict]) -> dict[str, int]:
    """Run every command that keeps items; what each job computed, by its log."""
    from varireal.cli import main

    computed = {}
    for job in found:
        if not job["command"].startswith("varireal ") or " --store " not in job["command"]:
            continue
        arguments = shlex.split(job["command"])[1:]
        code = main(arguments)
        log = Path(arguments[arguments.index("--log") + 1])
        if code != 0:
            raise SystemExit(f"{log} ended with {code}: {log.read_text()[-2000:]}")
        told = _COMPUTED.search(log.read_text())
        computed[str(log)] = -1 if told is None else int(told[1])
    return computed


if __name__ == "__main__":
    places, output, *flags = sys.argv[1:]
    answers = []
    for place, study in json.loads(places):
        found = jobs(Path(place), study)
        answers.append({"jobs": found, "computed": run(found) if "--run" in flags else {}})
    Path(output).write_text(json.dumps(answers))
