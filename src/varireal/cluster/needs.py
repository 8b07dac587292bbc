"""What the jobs of a study ask SLURM for, so that a proposal can be compared with a cluster's limits."""

from dataclasses import dataclass

from varireal.layout import Layout

# The two classifier stages state the same in workflow/rules; a test compares them.
_CLASSIFIERS = {"adapters": (4000, 480), "predictions": (4000, 120)}
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
    found = [Need(stage, layout.stage_gpus(stage), *layout.needs(stage)) for stage in _STAGES]
    for stage, jobs in (("adapters", layout.trainings), ("predictions", layout.scorings)):
        found += [Need(f"{stage}_{job}", layout.gpus, *_CLASSIFIERS[stage]) for job in jobs]
    return found
