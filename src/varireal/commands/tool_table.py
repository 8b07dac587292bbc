"""Commands for people, and the few that the workflow calls beside its stages."""

from pathlib import Path

from varireal.commands.base import STUDY, STUDY_FOLDER, STUDY_OR_FOLDER, Command, Option, option

_OUTPUT = option("output", "what is written")

TOOLS: dict[str, Command] = {
    "pretrain": Command(
        "varireal.pretraining.command:run",
        "make the small CLIP of the package afresh: render, train, score (about an hour on two cores)",
        (
            _OUTPUT,
            option("work", "folder for the rendered pictures; what is in it is not drawn again"),
            option("pairs", "pictures to render", kind=int, default=20_000),
            option("epochs", "passes over them", kind=int, default=10),
            option("seed", "seed of everything", kind=int, default=22),
            option("threads", "cores to use", kind=int, default=2),
        ),
    ),
    "status": Command(
        "varireal.observing.status:run",
        "say how far a study is: items, rates, acceptance, GPU hours and money, from its files alone",
        (
            Option("study", "folder of the study, such as results/demo"),
            option("json_", "print it as JSON", kind=bool, default=False),
            option("watch", "look again every two seconds, until the study is finished", kind=bool, default=False),
        ),
    ),
    "plan": Command(
        "varireal.observing.plan:run",
        "say what a study will take before it starts: items, jobs, hours, disk, tokens, money; nothing is sent",
        (
            *STUDY_OR_FOLDER,
            option("no_probe", "do not try one item of each stage on this machine", kind=bool, default=False),
            option("json_", "print it as JSON", kind=bool, default=False),
        ),
    ),
    "prompts-plan": Command(
        "varireal.prompt_commands:plan",
        "say what asking a language model would take: calls, tokens, price; nothing is sent",
        STUDY_OR_FOLDER,
    ),
    "prompts-gather": Command(
        "varireal.prompting.gathering:gather",
        "write the one file that stands for the prompts of all classes; the workflow calls it",
        (
            option("records", "what was said of each class's file", many=True),
            option("output", "file to write"),
        ),
    ),
    "prompts-review": Command(
        "varireal.prompt_commands:review",
        "list the prompts that need a human eye: disagreements of the second opinion, shortfalls, changes by hand",
        STUDY_OR_FOLDER,
    ),
    "prompts-freeze": Command(
        "varireal.prompt_commands:freeze",
        "write the prompts of a study as a bank, to commit and to use without a language model",
        (*STUDY_OR_FOLDER, option("output", "bank to write, a YAML file")),
    ),
    "verdicts-sample": Command(
        "varireal.judges.sampling:run",
        "draw pictures for a person to review, blind, so that the judge's feasibility score can be calibrated",
        (
            STUDY_FOLDER,
            option("output", "CSV to fill in; the pictures go to a folder of its name"),
            option("count", "pictures in all", kind=int, default=120),
        ),
    ),
    "prompts-check": Command(
        "varireal.checking:check_prompt_files",
        "check the prompts of a study before it runs: words the editor does not know, duplicates, overlaps, leaks",
        STUDY_OR_FOLDER,
    ),
    "doctor": Command(
        "varireal.model_commands:doctor",
        "say whether a study can run here: its models, the device, memory, disk, packages and keys",
        (
            *STUDY_OR_FOLDER,
            option("verify", "compare the hash of every file, which reads them all", kind=bool, default=False),
            option("json_", "print all of it as JSON", kind=bool, default=False),
        ),
    ),
    "fetch": Command(
        "varireal.model_commands:fetch",
        "bring the models of a study into the hub's cache, and write their revisions and hashes into models.lock",
        (
            *STUDY_OR_FOLDER,
            option("update", "move to the newest revisions instead of the lock's", kind=bool, default=False),
        ),
    ),
    "config-check": Command("varireal.checking:check_config", "check config files", STUDY_OR_FOLDER),
    "config-write": Command(
        "varireal.config.files:write_text",
        "write a stage's slice to a file (the workflow's own command)",
        (option("text", "the slice as JSON; - reads it from standard input", kind=str), _OUTPUT),
    ),
    "config-generate": Command(
        "varireal.config.files:generate",
        "write config.yaml, its JSON schema and the README's table of keys afresh from the models",
        (option("root", "folder of the project", default=Path()),),
    ),
    "data-get": Command(
        "varireal.datasets.download:get",
        "download a published data set where that is possible, and check what is there",
        (
            option(
                "source",
                "which data set",
                kind=str,
                choices=("oxford_pets", "fgvc_aircraft", "stanford_cars", "waterbirds"),
            ),
            option("output", "folder for it; the path of the source in the config"),
        ),
    ),
    "export": Command(
        "varireal.exports.by_hand:run",
        "copy a data set to class folders, WebDataset shards or COCO",
        (
            option("kind", "what to make", kind=str, choices=("folders", "webdataset", "coco")),
            option("dataset", "folder of the data set"),
            _OUTPUT,
        ),
    ),
    "cluster": Command(
        "varireal.cluster.command:run",
        "look at this machine's SLURM cluster and propose a profile for Snakemake; --test asks SLURM about its jobs",
        (
            *STUDY_OR_FOLDER,
            option("output", "folder for the profile; without it, it goes to the screen", default=None),
            option("force", "replace a profile that is there", kind=bool, default=False),
            option("test", "ask SLURM whether it would take such jobs; none is started", kind=bool, default=False),
            option("partition", "partition for jobs without a GPU, instead of the chosen one", kind=str, default=""),
            option("gpu_partition", "partition for jobs with a GPU", kind=str, default=""),
            option("gpu_style", "how GPUs are asked for", kind=str, default="", choices=("gpus", "gres")),
            option("account", "account that the jobs are charged to", kind=str, default=""),
            option("qos", "quality of service", kind=str, default=""),
        ),
    ),
    "store-gc": Command(
        "varireal.collecting:run",
        "list what the item stores of a study hold that no result needs; delete it with --delete",
        (
            STUDY_FOLDER,
            option("delete", "delete instead of listing", kind=bool, default=False),
        ),
    ),
    "why": Command(
        "varireal.observing.why:run",
        "say what would run again and which config key, prompt or file is the reason; nothing is run",
        (
            Option(
                "path", "results or stages such as edits; none for the whole study", kind=str, many=True, default=()
            ),
            STUDY,
            option("json_", "print the answer as JSON", kind=bool, default=False),
        ),
    ),
    "replay": Command(
        "varireal.replaying.command:run",
        "make one candidate again and say whether it is the same picture, and if not what differs",
        (
            Option("candidate", "id of a candidate, or a picture that carries its recipe", kind=str),
            STUDY_FOLDER,
            option("output", "folder for the picture then, the picture now and their difference", default=None),
            option("ask", "allow an editor behind a server, which may cost money", kind=bool, default=False),
            option("json_", "print the answer as JSON", kind=bool, default=False),
        ),
    ),
}
