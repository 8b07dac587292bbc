"""Commands of the stages. Such a function takes its slice and the options."""

from varireal.commands.base import Command, Option, option
from varireal.names import FEASIBILITIES

_CONFIG = option("config", "the stage's slice of the config, made by 'config write'")
_IMAGES = option("images", "table of images")
_STORE = option("store", "item store of this job: what is in it is not computed again")
# One folder instead of thousands of paths: a command line has a limit. Which tables count is in the slice.
_STUDY_FOLDER = option("study", "folder of the study; masks, edits and verdicts are found in it by the slice")
_MACHINE = option("machine", "slice of what models run on; changing it runs nothing again", default=None)
_OUTPUT = option("output", "what is written")
_BUDGET = option("budget", "slice of what models run on, which has the study's budget", default=None)
_PROMPTS_DIGEST = option("prompts_digest", "digest of the setting's prompts in the workflow", kind=str, default="")
_RUNS = option("runs", "trainings such as real/seed0", kind=str, many=True)


def _stage(name: str, help_: str, *options: Option) -> Command:
    slice_model = "EditsSlice" if name == "priors" else f"{name.capitalize()}Slice"
    return Command(f"varireal.stages.{name}:run", help_, (_CONFIG, *options, _OUTPUT), slice_model)


STAGES: dict[str, Command] = {
    "images": _stage(
        "images",
        "look at every photo once: usable images and rejects",
        option("rejects", "table of rejected files to write"),
        option("photos", "folder for pictures that are rendered"),
        _STORE,
        option("threads", "processes to render with", kind=int, default=1),
    ),
    "prompts": _stage(
        "prompts",
        "write or refresh the prompt file of one class",
        option("class_id", "the class", kind=str),
        option("record", "what was written and what was kept"),
    ),
    "masks": _stage(
        "masks",
        "find the object in every train photo of a shard",
        _IMAGES,
        option("shard", "name such as 00000-of-00001", kind=str),
        _STORE,
        _MACHINE,
    ),
    "priors": _stage(
        "priors",
        "make the prior pictures of a setting's prompts, which all photos share",
        _IMAGES,
        option("prompts", "prompt files of all classes, or the study's gathered file", many=True),
        option("attribute", "background or texture", kind=str),
        option("feasibility", "feasible or infeasible", kind=str, choices=FEASIBILITIES),
        _STORE,
        _MACHINE,
        _PROMPTS_DIGEST,
    ),
    "edits": _stage(
        "edits",
        "make the candidates of one setting, round and shard",
        _IMAGES,
        option("masks", "masks of the shard"),
        option("prompts", "prompt files of all classes, or the study's gathered file", many=True),
        option("attribute", "background, color or texture", kind=str),
        option("feasibility", "feasible or infeasible", kind=str, choices=FEASIBILITIES),
        option("round_", "number of the round, from 0", kind=int),
        option("shard", "name such as 00000-of-00001", kind=str),
        option("earlier_edits", "candidates of the earlier rounds", many=True, default=()),
        option("earlier_verdicts", "verdicts on them", many=True, default=()),
        option(
            "priors",
            "prior pictures of the setting's prompts, where the editor draws from a pool",
            many=True,
            default=(),
        ),
        _STORE,
        _MACHINE,
        _PROMPTS_DIGEST,
    ),
    "verdicts": _stage(
        "verdicts",
        "judge the candidates of a table",
        option("edits", "table of candidates"),
        option("masks", "masks of the shard, where the object is looked for again", default=None),
        option("store", "item store of this job: what a model said is not asked again", default=None),
        _MACHINE,
    ),
    "dataset": _stage(
        "dataset",
        "write the data set, its card, the manifest and the shortfall",
        _STUDY_FOLDER,
        _IMAGES,
        option("manifest", "table of every candidate to write"),
        option("funnel", "table of counts per class and setting to write"),
        option("card", "data card to write"),
        _BUDGET,
    ),
    "adapters": _stage(
        "adapters",
        "fine-tune CLIP with LoRA on some regimes",
        _STUDY_FOLDER,
        _IMAGES,
        _RUNS,
        _STORE,
        _BUDGET,
    ),
    "predictions": _stage(
        "predictions",
        "score every test picture with some adapters",
        _IMAGES,
        option("adapters", "folder of the adapters"),
        _RUNS,
        _STORE,
        _BUDGET,
    ),
    "report": _stage(
        "report",
        "write the page of results and pictures",
        _STUDY_FOLDER,
        _IMAGES,
        option("funnel", "table of counts per class and setting"),
        option("copy", "the page in one file to write, for Snakemake's own report"),
        _BUDGET,
    ),
    "prompts-ask": Command(
        "varireal.stages.asked_prompts:run",
        "ask a language model for the prompts of all classes",
        (
            _CONFIG,
            option("server", "slice of the server, its traffic and its budget"),
            _STORE,
            option("output", "folder of the prompt files"),
        ),
        "PromptsSlice",
    ),
}
