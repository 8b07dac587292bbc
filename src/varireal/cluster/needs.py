"""What the jobs of a study ask SLURM for, so that a proposal can be compared with a cluster's limits."""

from dataclasses import dataclass

from varireal.layout import Layout
from varireal.needs import Needs

_STAGES = ("masks", "priors", "edits", "verdicts")


@dataclass(frozen=True, slots=True)
class Need:
    """What one job of a rule asks for.

    Attributes:
        rule: name of the rule in the workflow.
        gpus: number of GPUs.
        memory_mb: megabytes.
        minutes: run time.
        threads: CPUs.
    """

    rule: str
    gpus: int
    memory_mb: int
    minutes: int
    threads: int = 1


# What to try when no study is given: the largest jobs of a study with models, and of one without.
LARGEST_GPU = Need("edits", 1, 24_000, 480)
LARGEST_CPU = Need("edits", 0, 4000, 480)


def study_needs(layout: Layout) -> list[Need]:
    """What the jobs with models ask for, one entry per rule; the other jobs are small."""
    found = [_need(stage, layout.job(stage)) for stage in _STAGES]
    for stage, jobs in (("adapters", layout.trainings), ("predictions", layout.scorings)):
        found += [_need(f"{stage}_{job}", layout.classifier_job(stage, runs)) for job, runs in jobs.items()]
    return found


def _need(rule: str, asked: Needs) -> Need:
    return Need(rule, asked.gpu, asked.mem_mb, asked.runtime, asked.threads)
