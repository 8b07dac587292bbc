"""The table of commands: what each is called, which options it takes, and where its code is. Light.

A stage's function takes its slice of the config and the options, any other function the options alone.
"""

from dataclasses import dataclass
from pathlib import Path

from varireal.core.stages import CONFIG, OUTPUT, STAGES, STORE, Option

PEOPLE, STAGE, WORKFLOW = "for people", "one stage by hand", "for the workflow, and for work on VariReal itself"


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        target: ``module:function``; a stage's function takes its slice and the options, another only the options.
        help: one line.
        options: what it takes.
        slice_model: class of the stage's slice in ``config.slices``; None when the command is not a stage.
        group: whom it is for; ``varireal --help`` lists commands by it.
    """

    target: str
    help: str
    options: tuple[Option, ...]
    slice_model: str | None = None
    group: str = PEOPLE


# The config file of a study, as people give it.
STUDY = Option("configfile", "config file of the study; repeat for several", many=True, default=())
# The same by its results, as far as a config is known for them.
STUDY_OR_FOLDER = (
    Option(
        "study", "folder of the study, such as results/demo; its config is found by it", positional=True, default=None
    ),
    STUDY,
)
# A study by its results.
STUDY_FOLDER = Option("study", "folder of the study, such as results/demo")


def _tool(target: str, help_: str, *options: Option, group: str = PEOPLE) -> Command:
    return Command(target, help_, options, group=group)


COMMANDS: dict[str, Command] = {
    **{
        name: Command(f"varireal.stages.{name}:run", stage.help, stage.options, stage.slice_model, STAGE)
        for name, stage in STAGES.items()
    },
    "prompts-ask": Command(
        "varireal.stages.prompts:run_asked",
        "ask a language model for the prompts of all classes",
        (
            CONFIG,
            Option("server", "slice of the server, its traffic and its budget"),
            STORE,
            Option("output", "folder of the prompt files"),
        ),
        "PromptsSlice",
        WORKFLOW,
    ),
    # commands for people, and the few that the workflow calls beside its stages
    "init": _tool(
        "varireal.tools.init:run",
        "write a study to start from; with --photos, look at the photos and fill in what they say",
        Option("folder", "folder for the study; its name becomes the study's", positional=True),
        Option("photos", "your photos: a folder of class folders, or a list in CSV", default=None),
    ),
    "run": _tool(
        "varireal.tools.run_workflow:run",
        "run the whole study; words behind -- go to Snakemake: varireal run --configfile study.yaml -- --cores 4",
        STUDY,
        Option("options", "options of Snakemake, behind --", positional=True, kind=str, many=True, default=()),
    ),
    "pretrain": _tool(
        "varireal_demo.pretrain.command:run",
        "make the small CLIP of the package afresh: render, train, score (about an hour on two cores)",
        OUTPUT,
        Option("work", "folder for the rendered pictures; what is in it is not drawn again"),
        Option("pairs", "pictures to render", kind=int, default=20_000),
        Option("epochs", "passes over them", kind=int, default=10),
        Option("seed", "seed of everything", kind=int, default=22),
        Option("threads", "cores to use", kind=int, default=2),
        group=WORKFLOW,
    ),
    "status": _tool(
        "varireal.tools.status:run",
        "say how far a study is: items, rates, acceptance, GPU hours and money, from its files alone",
        Option("study", "folder of the study, such as results/demo", positional=True),
        Option("json_", "print it as JSON", kind=bool, default=False),
        Option("watch", "look again every two seconds, until the study is finished", kind=bool, default=False),
    ),
    "show": _tool(
        "varireal.tools.show:run",
        "say what a finished study found: the answer, how many edits were accepted, where the page is",
        Option("study", "folder of the study, such as results/demo", positional=True),
        Option(
            "open_", "open the page, where there are a terminal, a display and a browser", kind=bool, default=False
        ),
    ),
    "plan": _tool(
        "varireal.tools.plan:run",
        "say what a study will take before it starts: items, jobs, hours, disk, tokens, money; nothing is sent",
        *STUDY_OR_FOLDER,
        Option("no_probe", "do not try one item of each stage on this machine", kind=bool, default=False),
        Option("json_", "print it as JSON", kind=bool, default=False),
    ),
    "prompts-plan": _tool(
        "varireal.tools.prompts:plan",
        "say what asking a language model would take: calls, tokens, price; nothing is sent",
        *STUDY_OR_FOLDER,
    ),
    "prompts-gather": _tool(
        "varireal.prompts.gathering:gather",
        "write the one file that stands for the prompts of all classes; the workflow calls it",
        Option("records", "what was said of each class's file", many=True),
        Option("output", "file to write"),
        group=WORKFLOW,
    ),
    "prompts-review": _tool(
        "varireal.tools.prompts:review",
        "list the prompts that need a human eye: disagreements of the second opinion, shortfalls, changes by hand",
        *STUDY_OR_FOLDER,
    ),
    "prompts-freeze": _tool(
        "varireal.tools.prompts:freeze",
        "write the prompts of a study as a bank, to commit and to use without a language model",
        *STUDY_OR_FOLDER,
        Option("output", "bank to write, a YAML file"),
    ),
    "verdicts-sample": _tool(
        "varireal.judges.sampling:run",
        "draw pictures for a person to review, blind, so that the judge's feasibility score can be calibrated",
        STUDY_FOLDER,
        Option("output", "CSV to fill in; the pictures go to a folder of its name"),
        Option("count", "pictures in all", kind=int, default=120),
    ),
    "prompts-check": _tool(
        "varireal.tools.check:check_prompt_files",
        "check the prompts of a study before it runs: words the editor does not know, duplicates, overlaps, leaks",
        *STUDY_OR_FOLDER,
    ),
    "doctor": _tool(
        "varireal.tools.models:doctor",
        "say whether a study can run here: its models, the device, memory, disk, packages and keys",
        *STUDY_OR_FOLDER,
        Option("verify", "compare the hash of every file, which reads them all", kind=bool, default=False),
        Option("json_", "print all of it as JSON", kind=bool, default=False),
    ),
    "fetch": _tool(
        "varireal.tools.models:fetch",
        "bring the models of a study into the hub's cache, and write their revisions and hashes into models.lock",
        *STUDY_OR_FOLDER,
        Option("update", "move to the newest revisions instead of the lock's", kind=bool, default=False),
    ),
    "config-check": _tool("varireal.tools.check:check_config", "check config files", *STUDY_OR_FOLDER),
    "config-show": _tool(
        "varireal.tools.config_show:run",
        "print every key of a study's config, its value and where it came from, as YAML",
        *STUDY_OR_FOLDER,
        Option("changed", "only the keys whose value is not the default", kind=bool, default=False),
    ),
    "config-write": _tool(
        "varireal.config.generate:write_text",
        "write a stage's slice to a file (the workflow's own command)",
        Option("text", "the slice as JSON; - reads it from standard input", kind=str),
        OUTPUT,
        group=WORKFLOW,
    ),
    "config-generate": _tool(
        "varireal.config.generate:generate",
        "write the tables of keys in docs/config.md and the JSON schema afresh from the models",
        Option("root", "folder of the project", default=Path()),
        group=WORKFLOW,
    ),
    "data-get": _tool(
        "varireal.datasets.download:get",
        "download a published data set where that is possible, and check what is there",
        Option(
            "source",
            "which data set",
            kind=str,
            choices=("oxford_pets", "fgvc_aircraft", "stanford_cars", "waterbirds"),
        ),
        Option("output", "folder for it; the path of the source in the config"),
    ),
    "export": _tool(
        "varireal.exports:run",
        "copy a data set to class folders, WebDataset shards or COCO",
        Option("kind", "what to make: one of dataset.exports, also of another package", kind=str),
        Option("dataset", "folder of the data set"),
        OUTPUT,
    ),
    "cluster": _tool(
        "varireal.tools.cluster:run",
        "look at this machine's SLURM cluster and propose a profile for Snakemake; --test asks SLURM about its jobs",
        *STUDY_OR_FOLDER,
        Option("output", "folder for the profile; without it, it goes to the screen", default=None),
        Option("force", "replace a profile that is there", kind=bool, default=False),
        Option("test", "ask SLURM whether it would take such jobs; none is started", kind=bool, default=False),
        Option("partition", "partition for jobs without a GPU, instead of the chosen one", kind=str, default=""),
        Option("gpu_partition", "partition for jobs with a GPU", kind=str, default=""),
        Option("gpu_style", "how GPUs are asked for", kind=str, default="", choices=("gpus", "gres")),
        Option("account", "account that the jobs are charged to", kind=str, default=""),
        Option("qos", "quality of service", kind=str, default=""),
    ),
    "store-gc": _tool(
        "varireal.tools.store_gc:run",
        "list what the item stores of a study hold that no result needs; delete it with --delete",
        STUDY_FOLDER,
        Option("delete", "delete instead of listing", kind=bool, default=False),
    ),
    "why": _tool(
        "varireal.tools.why:run",
        "say what would run again and which config key, prompt or file is the reason; nothing is run",
        Option(
            "path",
            "results or stages such as edits; none for the whole study",
            positional=True,
            kind=str,
            many=True,
            default=(),
        ),
        STUDY,
        Option("json_", "print the answer as JSON", kind=bool, default=False),
    ),
    "replay": _tool(
        "varireal.tools.replay:run",
        "make one candidate again and say whether it is the same picture, and if not what differs",
        Option("candidate", "id of a candidate, or a picture that carries its recipe", positional=True, kind=str),
        STUDY_FOLDER,
        Option("output", "folder for the picture then, the picture now and their difference", default=None),
        Option("ask", "allow an editor behind a server, which may cost money", kind=bool, default=False),
        Option("json_", "print the answer as JSON", kind=bool, default=False),
    ),
    "compare": _tool(
        "varireal.tools.compare:run",
        "say what differs between two studies: config, photos, prompts, edits, acceptance, accuracies",
        Option("a", "folder of a study, such as results/demo", positional=True),
        Option("b", "folder of another study, or of another version of the same", positional=True),
        Option("page", "HTML file to write as well", default=None),
        Option("json_", "print it as JSON", kind=bool, default=False),
        Option(
            "most",
            "pairs of edits with other bytes that are decoded to see how far apart they are",
            kind=int,
            default=2000,
        ),
    ),
    "completion": _tool(
        "varireal.cli:print_completion",
        'print what makes a shell complete commands and options: eval "$(varireal completion bash)"',
        Option("shell", "which shell", positional=True, kind=str, choices=("bash", "zsh", "fish")),
    ),
}
