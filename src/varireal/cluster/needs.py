"""What the jobs of a study ask SLURM for, so that a proposal can be compared with a cluster's limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from varireal.layout import Layout
from varireal.needs import Needs

_STAGES = ("masks", "priors", "edits", "verdicts")


@dataclass(frozen=True, slots=True)
class Need:
    """What one job of a rule asks for.

    Attributes:
        rule: name of the rule in the workflow; of a stage whose jobs are rules of their own, its name.
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
    """What the jobs with models ask for, one entry per stage; the other jobs are small."""
    found = [_need(stage, layout.job(stage)) for stage in _STAGES]
    for stage, jobs in (("adapters", layout.trainings), ("predictions", layout.scorings)):
        each = [_need(stage, layout.classifier_job(stage, runs)) for runs in jobs.values()]
        found += [_largest(each)] if each else []
    return found


def _largest(needs: Sequence[Need]) -> Need:
    """What is enough for each of a stage's jobs; a profile that says it for the stage serves other studies, too."""
    return Need(
        needs[0].rule,
        max(need.gpus for need in needs),
        max(need.memory_mb for need in needs),
        max(need.minutes for need in needs),
        max(need.threads for need in needs),
    )


def _need(rule: str, asked: Needs) -> Need:
    return Need(rule, asked.gpu, asked.mem_mb, asked.runtime, asked.threads)
