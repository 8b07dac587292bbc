"""The table of stages: one row each, which the commands, the jobs, the tools and the versions are made of. Light.

To add a stage: its row here, its module ``stages/NAME.py`` with the function ``run``, its rule ``workflow/rules``, and
the paths of what it writes in ``core/paths.py``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal.names import FEASIBILITIES


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command.

    Attributes:
        dest: name of the argument of the function.
        help: one line.
        kind: type of the value; bool makes a switch.
        default: ``...`` makes the option required.
        many: takes any number of values.
        choices: allowed values.
        positional: known by its place, and not by a flag.
    """

    dest: str
    help: str
    kind: Any = Path
    default: Any = ...
    many: bool = False
    choices: tuple[str, ...] | None = None
    positional: bool = False

    @property
    def flag(self) -> str:
        """``--name``; empty for a positional argument."""
        return "" if self.positional else "--" + self.dest.rstrip("_").replace("_", "-")

    @property
    def metavar(self) -> str:
        """What stands for the value in the help text."""
        return {Path: "PATH", int: "N"}.get(self.kind, self.dest.rstrip("_").upper())


# The config slice and the other options that several stages take.
CONFIG = Option("config", "the stage's slice of the config, made by 'config write'")
OUTPUT = Option("output", "what is written")
_IMAGES = Option("images", "table of images")
STORE = Option("store", "item store of this job: what is in it is not computed again")
# One folder instead of thousands of paths: a command line has a limit. Which tables count is in the slice.
_STUDY_FOLDER = Option("study", "folder of the study; masks, edits and verdicts are found in it by the slice")
_MACHINE = Option("machine", "slice of what models run on; changing it runs nothing again", default=None)
_BUDGET = Option("budget", "slice of what models run on, which has the study's budget", default=None)
_PROMPTS_DIGEST = Option("prompts_digest", "digest of the setting's prompts in the workflow", kind=str, default="")
_RUNS = Option("runs", "trainings such as real/seed0", kind=str, many=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the study.

    Attributes:
        help: one line.
        slice_model: class of its slice in ``config.slices``.
        options: what its command takes, besides its log.
        unit: what one item is, in the plural.
        version: raised when its output changes for the same inputs, and only then: it goes into its rule's params and
            into the item keys of its store. Of images also for how photos are decoded, of edits also for receipts.
        item_version: the older version in item keys, where the tables change but what the store keeps does not; 0 for
            the same.
        slice: name of the slice where it is that of another stage; empty for its own.
        output: what of ``core.paths.StudyPaths`` the job behind it waits for.
        per: what has a job of its own: study, class, shard, pool (a setting with prior pictures), round (a setting,
            shard and round), or training (several to a job).
        capability: of the backends that it uses; empty for none.
        megabytes: memory of a job without items: Python, its libraries, one photo at work.
        minutes: of one training on a card of the slower half.
        keyed: whether its store has one key for each item.
        keeps: whether the one job of a study has an item store.
    """

    help: str
    slice_model: str
    options: tuple[Option, ...]
    unit: str
    version: int
    item_version: int = 0
    slice: str = ""
    output: str = ""
    per: str = "study"
    capability: str = ""
    megabytes: int = 1000
    minutes: int = 0
    keyed: bool = False
    keeps: bool = False


STAGES: dict[str, Stage] = {
    "images": Stage(
        "look at every photo once: usable images and rejects",
        "ImagesSlice",
        (
            CONFIG,
            Option("rejects", "table of rejected files to write"),
            Option("photos", "folder for pictures that are rendered"),
            STORE,
            Option("threads", "processes to render with", kind=int, default=1),
            OUTPUT,
        ),
        unit="photos",
        version=1,
        output="images",
        megabytes=1500,
        capability="image_sources",
        keeps=True,
    ),
    "prompts": Stage(
        "write or refresh the prompt file of one class",
        "PromptsSlice",
        (
            CONFIG,
            Option("class_id", "the class", kind=str),
            Option("record", "what was written and what was kept"),
            OUTPUT,
        ),
        unit="classes",
        version=1,
        output="prompts",
        per="class",
        megabytes=600,
    ),
    "masks": Stage(
        "find the object in every train photo of a shard",
        "MasksSlice",
        (
            CONFIG,
            _IMAGES,
            Option("shard", "name such as 00000-of-00001", kind=str),
            STORE,
            _MACHINE,
            OUTPUT,
        ),
        unit="photos",
        version=2,
        output="masks",
        per="shard",
        capability="segmenters",
        keyed=True,
    ),
    "priors": Stage(
        "make the prior pictures of a setting's prompts, which all photos share",
        "EditsSlice",
        (
            CONFIG,
            _IMAGES,
            Option("prompts", "prompt files of all classes, or the study's gathered file", many=True),
            Option("attribute", "background or texture", kind=str),
            Option("feasibility", "feasible or infeasible", kind=str, choices=FEASIBILITIES),
            STORE,
            _MACHINE,
            _PROMPTS_DIGEST,
            OUTPUT,
        ),
        unit="pictures",
        version=1,
        slice="edits",
        output="priors",
        per="pool",
        megabytes=1500,
        capability="editors",
        keyed=True,
    ),
    "edits": Stage(
        "make the candidates of one setting, round and shard",
        "EditsSlice",
        (
            CONFIG,
            _IMAGES,
            Option("masks", "masks of the shard"),
            Option("prompts", "prompt files of all classes, or the study's gathered file", many=True),
            Option("attribute", "background, color or texture", kind=str),
            Option("feasibility", "feasible or infeasible", kind=str, choices=FEASIBILITIES),
            Option("round_", "number of the round, from 0", kind=int),
            Option("shard", "name such as 00000-of-00001", kind=str),
            Option("earlier_edits", "candidates of the earlier rounds", many=True, default=()),
            Option("earlier_verdicts", "verdicts on them", many=True, default=()),
            Option(
                "priors",
                "prior pictures of the setting's prompts, where the editor draws from a pool",
                many=True,
                default=(),
            ),
            STORE,
            _MACHINE,
            _PROMPTS_DIGEST,
            OUTPUT,
        ),
        unit="candidates",
        version=3,
        item_version=2,
        output="edits",
        per="round",
        megabytes=1500,
        capability="editors",
        keyed=True,
    ),
    "verdicts": Stage(
        "judge the candidates of a table",
        "VerdictsSlice",
        (
            CONFIG,
            Option("edits", "table of candidates"),
            Option("masks", "masks of the shard, where the object is looked for again", default=None),
            Option("store", "item store of this job: what a model said is not asked again", default=None),
            _MACHINE,
            OUTPUT,
        ),
        unit="candidates",
        version=4,
        output="verdicts",
        per="round",
        capability="judges",
    ),
    "dataset": Stage(
        "write the data set, its card, the manifest and the shortfall",
        "DatasetSlice",
        (
            CONFIG,
            _STUDY_FOLDER,
            _IMAGES,
            Option("manifest", "table of every candidate to write"),
            Option("funnel", "table of counts per class and setting to write"),
            Option("card", "data card to write"),
            _BUDGET,
            OUTPUT,
        ),
        unit="data set",
        version=4,
        output="funnel",
        capability="exporters",
    ),
    "adapters": Stage(
        "fine-tune CLIP with LoRA on some regimes",
        "AdaptersSlice",
        (
            CONFIG,
            _STUDY_FOLDER,
            _IMAGES,
            _RUNS,
            STORE,
            _BUDGET,
            OUTPUT,
        ),
        unit="trainings",
        version=2,
        output="adapter_files",
        per="training",
        capability="learners",
        minutes=240,
    ),
    "predictions": Stage(
        "score every test picture with some adapters",
        "PredictionsSlice",
        (
            CONFIG,
            _IMAGES,
            Option("adapters", "folder of the adapters"),
            _RUNS,
            STORE,
            _BUDGET,
            OUTPUT,
        ),
        unit="tables",
        version=2,
        output="predictions",
        per="training",
        capability="learners",
        minutes=60,
    ),
    "report": Stage(
        "write the page of results and pictures",
        "ReportSlice",
        (
            CONFIG,
            _STUDY_FOLDER,
            _IMAGES,
            Option("funnel", "table of counts per class and setting"),
            Option("copy", "the page in one file to write, for Snakemake's own report"),
            _BUDGET,
            OUTPUT,
        ),
        unit="page",
        version=1,
        output="report_copy",
    ),
}

TRAINING_STAGES = tuple(name for name, stage in STAGES.items() if stage.per == "training")


def slice_of(stage: str) -> str:
    """Name of the slice that a stage reads, which may be that of another one."""
    return STAGES[stage].slice or stage
