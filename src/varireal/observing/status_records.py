"""What the status of a study consists of. Light."""

from dataclasses import dataclass, field

from varireal.observing.candidates import SettingStatus

SCHEMA = 1


@dataclass
class StageStatus:
    """One stage; see docs/watching.md for every field. None is unknown.

    Attributes:
        stage: its name.
        unit: what an item is.
        jobs: jobs in all.
        by_state: jobs per state.
        outdated: finished jobs whose table was made with another config.
        items: items in all; at least so many unless ``exact``.
        exact: whether later rounds can add no more items.
        done: items that are done.
        failed: items per status of failure.
        left: items that are not done.
        rate: items per second of the jobs that run now.
        eta_seconds: until what is left is done, at that rate.
        seconds_per_item: of finished jobs, starting included.
        accepted: candidates that were accepted.
        judged: candidates that were judged.
        gpu_hours: hours with a GPU, of all attempts.
        usd: US dollars, of all attempts.
    """

    stage: str
    unit: str
    jobs: int | None = None
    by_state: dict[str, int] = field(default_factory=dict)
    outdated: int = 0
    items: int | None = None
    exact: bool = True
    done: int | None = None
    failed: dict[str, int] = field(default_factory=dict)
    left: int | None = None
    rate: float | None = None
    eta_seconds: float | None = None
    seconds_per_item: float | None = None
    accepted: int | None = None
    judged: int | None = None
    gpu_hours: float | None = None
    usd: float | None = None


@dataclass
class RunningJob:
    """A job that runs now, or gave no sign of life for a while.

    Attributes:
        job: name of its log.
        state: running or silent.
        host: machine.
        pid: process there.
        done: items.
        total: items.
        rate: items per second.
        eta_seconds: until it ends.
        seconds: since it started.
        seen_seconds_ago: since its last sign of life.
    """

    job: str
    state: str
    host: str
    pid: int
    done: int | None
    total: int | None
    rate: float | None
    eta_seconds: float | None
    seconds: float
    seen_seconds_ago: float


@dataclass
class StudyStatus:
    """The whole; see docs/watching.md."""

    study: str
    time: float
    stages: list[StageStatus]
    settings: list[SettingStatus]
    running: list[RunningJob]
    gpu_hours: float
    usd: float | None
    budget: dict[str, float | None]
    disk_gb: float | None
    finished: bool
    notes: list[str]
    schema: int = SCHEMA


UNITS = {
    "images": "photos",
    "prompts": "classes",
    "masks": "photos",
    "priors": "pictures",
    "edits": "candidates",
    "verdicts": "candidates",
    "dataset": "data set",
    "adapters": "trainings",
    "predictions": "tables",
    "report": "page",
}
