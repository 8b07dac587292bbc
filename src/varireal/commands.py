"""The table of commands: what each is called, which options it takes, and where its code is. Light."""

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
        flag: ``--name``; empty for a positional argument.
        default: ``...`` makes the option required.
        many: takes any number of values.
        choices: allowed values.
    """

    dest: str
    help: str
    kind: Any = Path
    flag: str = ""
    default: Any = ...
    many: bool = False
    choices: tuple[str, ...] | None = None

    @property
    def metavar(self) -> str:
        """What stands for the value in the help text."""
        return {Path: "PATH", int: "N"}.get(self.kind, self.dest.rstrip("_").upper())


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        target: ``module:function``; a stage's function takes its slice and the options, another only the options.
        help: one line.
        options: what it takes.
        slice_model: class of the stage's slice in ``config.slices``; None when the command is not a stage.
    """

    target: str
    help: str
    options: tuple[Option, ...]
    slice_model: str | None = None


def _option(dest: str, help_: str, **settings: Any) -> Option:
    return Option(dest, help_, flag="--" + dest.rstrip("_").replace("_", "-"), **settings)


_CONFIG = _option("config", "the stage's slice of the config, made by 'config write'")
_IMAGES = _option("images", "table of images")
_STORE = _option("store", "item store of this job: what is in it is not computed again")
_OUTPUT = _option("output", "what is written")
# One folder instead of thousands of paths: a command line has a limit. Which tables count is in the slice.
_STUDY_FOLDER = _option("study", "folder of the study; masks, edits and verdicts are found in it by the slice")
_MACHINE = _option("machine", "slice of what models run on; changing it runs nothing again", default=None)
_RUNS = _option("runs", "trainings such as real/seed0", kind=str, many=True)
_STUDY = _option("configfile", "config file of the study; repeat for several", many=True, default=())


def _stage(name: str, help_: str, *options: Option) -> Command:
    slice_model = "EditsSlice" if name == "priors" else f"{name.capitalize()}Slice"
    return Command(f"varireal.stages.{name}:run", help_, (_CONFIG, *options, _OUTPUT), slice_model)


COMMANDS: dict[str, Command] = {
    "images": _stage(
        "images",
        "look at every photo once: usable images and rejects",
        _option("rejects", "table of rejected files to write"),
        _option("photos", "folder for pictures that are rendered"),
        _STORE,
        _option("threads", "processes to render with", kind=int, default=1),
    ),
    "prompts": _stage(
        "prompts",
        "write or refresh the prompt file of one class",
        _option("class_id", "the class", kind=str),
        _option("record", "what was written and what was kept"),
    ),
    "masks": _stage(
        "masks",
        "find the object in every train photo of a shard",
        _IMAGES,
        _option("shard", "name such as 00000-of-00001", kind=str),
        _STORE,
        _MACHINE,
    ),
    "priors": _stage(
        "priors",
        "make the prior pictures of a setting's prompts, which all photos share",
        _IMAGES,
        _option("prompts", "prompt files of all classes", many=True),
        _option("attribute", "background or texture", kind=str),
        _option("feasibility", "feasible or infeasible", kind=str, choices=FEASIBILITIES),
        _STORE,
        _MACHINE,
    ),
    "edits": _stage(
        "edits",
        "make the candidates of one setting, round and shard",
        _IMAGES,
        _option("masks", "masks of the shard"),
        _option("prompts", "prompt files of all classes", many=True),
        _option("attribute", "background, color or texture", kind=str),
        _option("feasibility", "feasible or infeasible", kind=str, choices=FEASIBILITIES),
        _option("round_", "number of the round, from 0", kind=int),
        _option("shard", "name such as 00000-of-00001", kind=str),
        _option("earlier_edits", "candidates of the earlier rounds", many=True, default=()),
        _option("earlier_verdicts", "verdicts on them", many=True, default=()),
        _option(
            "priors",
            "prior pictures of the setting's prompts, where the editor draws from a pool",
            many=True,
            default=(),
        ),
        _STORE,
        _MACHINE,
    ),
    "verdicts": _stage(
        "verdicts",
        "judge the candidates of a table",
        _option("edits", "table of candidates"),
        _option("masks", "masks of the shard, where the object is looked for again", default=None),
        _option("store", "item store of this job: what a model said is not asked again", default=None),
        _MACHINE,
    ),
    "dataset": _stage(
        "dataset",
        "write the data set, its card, the manifest and the shortfall",
        _STUDY_FOLDER,
        _IMAGES,
        _option("manifest", "table of every candidate to write"),
        _option("funnel", "table of counts per class and setting to write"),
        _option("card", "data card to write"),
    ),
    "adapters": _stage(
        "adapters",
        "fine-tune CLIP with LoRA on some regimes",
        _STUDY_FOLDER,
        _IMAGES,
        _RUNS,
        _STORE,
    ),
    "predictions": _stage(
        "predictions",
        "score every test picture with some adapters",
        _IMAGES,
        _option("adapters", "folder of the adapters"),
        _RUNS,
        _STORE,
    ),
    "report": _stage(
        "report",
        "write the page of results and pictures",
        _STUDY_FOLDER,
        _IMAGES,
        _option("funnel", "table of counts per class and setting"),
        _option("copy", "the page in one file to write, for Snakemake's own report"),
    ),
    "pretrain": Command(
        "varireal.pretraining.command:run",
        "make the small CLIP of the package afresh: render, train, score (about an hour on two cores)",
        (
            _OUTPUT,
            _option("work", "folder for the rendered pictures; what is in it is not drawn again"),
            _option("pairs", "pictures to render", kind=int, default=20_000),
            _option("epochs", "passes over them", kind=int, default=10),
            _option("seed", "seed of everything", kind=int, default=22),
            _option("threads", "cores to use", kind=int, default=2),
        ),
    ),
    "prompts-ask": Command(
        "varireal.stages.asked_prompts:run",
        "ask a language model for the prompts of all classes",
        (
            _CONFIG,
            _option("server", "slice of the server, its traffic and its budget"),
            _STORE,
            _option("output", "folder of the prompt files"),
        ),
        "PromptsSlice",
    ),
    "prompts-plan": Command(
        "varireal.prompt_commands:plan",
        "say what asking a language model would take: calls, tokens, price; nothing is sent",
        (_STUDY,),
    ),
    "prompts-review": Command(
        "varireal.prompt_commands:review",
        "list the prompts that need a human eye: disagreements of the second opinion, shortfalls, changes by hand",
        (_STUDY,),
    ),
    "prompts-freeze": Command(
        "varireal.prompt_commands:freeze",
        "write the prompts of a study as a bank, to commit and to use without a language model",
        (_STUDY, _option("output", "bank to write, a YAML file")),
    ),
    "verdicts-sample": Command(
        "varireal.judges.sampling:run",
        "draw pictures for a person to review, blind, so that the judge's feasibility score can be calibrated",
        (
            _option("study", "folder of the study, such as results/demo"),
            _option("output", "CSV to fill in; the pictures go to a folder of its name"),
            _option("count", "pictures in all", kind=int, default=120),
        ),
    ),
    "prompts-check": Command(
        "varireal.checking:check_prompt_files",
        "check the prompts of a study before it runs: words the editor does not know, duplicates, overlaps, leaks",
        (_STUDY,),
    ),
    "doctor": Command(
        "varireal.model_commands:doctor",
        "say whether a study can run here: its models, the device, memory, disk, packages and keys",
        (
            _STUDY,
            _option("verify", "compare the hash of every file, which reads them all", kind=bool, default=False),
            _option("json_", "print all of it as JSON", kind=bool, default=False),
        ),
    ),
    "fetch": Command(
        "varireal.model_commands:fetch",
        "bring the models of a study into the hub's cache, and write their revisions and hashes into models.lock",
        (
            _STUDY,
            _option("update", "move to the newest revisions instead of the lock's", kind=bool, default=False),
        ),
    ),
    "config-check": Command("varireal.checking:check_config", "check config files", (_STUDY,)),
    "config-write": Command(
        "varireal.config.files:write_text",
        "write a stage's slice to a file (the workflow's own command)",
        (_option("text", "the slice as JSON", kind=str), _OUTPUT),
    ),
    "config-generate": Command(
        "varireal.config.files:generate",
        "write config.yaml, its JSON schema and the README's table of keys afresh from the models",
        (_option("root", "folder of the project", default=Path()),),
    ),
    "data-get": Command(
        "varireal.datasets.download:get",
        "download a published data set where that is possible, and check what is there",
        (
            _option(
                "source",
                "which data set",
                kind=str,
                choices=("oxford_pets", "fgvc_aircraft", "stanford_cars", "waterbirds"),
            ),
            _option("output", "folder for it; the path of the source in the config"),
        ),
    ),
    "export": Command(
        "varireal.exports.by_hand:run",
        "copy a data set to class folders, WebDataset shards or COCO",
        (
            _option("kind", "what to make", kind=str, choices=("folders", "webdataset", "coco")),
            _option("dataset", "folder of the data set"),
            _OUTPUT,
        ),
    ),
    "store-gc": Command(
        "varireal.collecting:run",
        "list what the item stores of a study hold that no result needs; delete it with --delete",
        (
            _option("study", "folder of the study, such as results/demo"),
            _option("delete", "delete instead of listing", kind=bool, default=False),
        ),
    ),
}
