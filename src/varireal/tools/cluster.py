"""``varireal cluster``: a profile of Snakemake for the cluster of this machine, as a proposal.

The profile is ``config.yaml``, with the partitions in a file beside it. ``--test`` asks SLURM whether it would take
the largest jobs, with ``sbatch --test-only``: nothing is put into the queue.
"""

import logging
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from varireal.core.files import write_whole
from varireal.errors import BackendError, ConfigError
from varireal.running.logs import SUMMARY
from varireal.running.slurm import call
from varireal.study.layout import Layout
from varireal.study.needs import Needs
from varireal.tools.check import load_study_config
from varireal.tools.cluster_choosing import (
    GPUS,
    GRES,
    LARGEST_CPU,
    LARGEST_GPU,
    Proposal,
    Wishes,
    propose,
    study_needs,
)
from varireal.tools.cluster_facts import Partition, last_line, look

logger = logging.getLogger(__name__)

PROFILE, PARTITIONS = "config.yaml", "partitions.yaml"


def profile_text(proposal: Proposal, partitions: str) -> str:
    """The profile.

    Args:
        proposal: what it says.
        partitions: path of the file with the partitions.
    """
    cluster = proposal.cluster
    head = [
        f"Proposed by 'varireal cluster' for {cluster.name} (SLURM {cluster.version}).",
        "It is yours now: change what you know better. Options on the command line go before what is written here;",
        "workflow/profiles/slurm/config.yaml explains the entries at length.",
        *(f"Note: {note}." for note in proposal.notes),
    ]
    blocks = [_comment(head)]
    blocks += [_comment(why) + _dump({key: value}) for key, value, why in _entries(proposal, partitions)]
    blocks += [_comment(arrays)] if (arrays := _arrays(proposal)) else []
    return "\n".join(blocks)


def partitions_text(proposal: Proposal) -> str:
    """The partitions, for the plugin to choose from by what a job asks for."""
    head = [
        "Where jobs go: the plugin compares what a job asks for with the limits written here. A partition with",
        "max_gpu takes the jobs with GPUs, and no other job as long as one without it is listed. No other limits, on",
        "purpose: a job that is too large then gets SLURM's own answer, instead of being sent somewhere else.",
        "What the other partitions allow is written as the plugin reads it: take away the '#' to add one.",
    ]
    chosen = [proposal.cpu] if proposal.gpu in (None, proposal.cpu) else [proposal.cpu, proposal.gpu]
    lines = [_comment(head), "partitions:\n"]
    for one in chosen:
        limits = _gpu_limits(one) if one is proposal.gpu else {}
        lines.append(_indent(_comment([describe(one)]) + _dump({one.name: limits})))
    others = (one for one in proposal.cluster.partitions if one not in chosen)
    lines += [_indent(_comment([describe(one), *_dump({one.name: _limits(one)}).splitlines()])) for one in others]
    return "".join(lines)


def describe(one: Partition) -> str:
    """A partition in one line."""
    time = "no time limit" if one.max_minutes is None else f"up to {one.max_minutes} min"
    count = len(one.nodes)
    parts = [
        f"{count} node{'' if count == 1 else 's'} ({one.nodes_up} up)",
        f"{one.cpus} CPUs",
        f"{one.memory_mb} MB",
        time,
    ]
    if one.gpus:
        kinds = f" ({', '.join(one.gpu_types)})" if one.gpu_types else ""
        parts.append(f"up to {one.gpus} GPUs{kinds}")
    if one.features:
        parts.append(f"features {', '.join(one.features)}")
    if one.groups or one.accounts or one.root_only or not one.up:
        parts.append("closed or restricted")
    return f"{one.name}{' (default)' if one.default else ''}: {', '.join(parts)}"


def write(proposal: Proposal, folder: Path, *, force: bool) -> list[Path]:
    """Write both files.

    Raises:
        ConfigError: one is there already, and the user did not say that it may be replaced.
    """
    texts = {folder / PROFILE: profile_text(proposal, str(folder / PARTITIONS))}
    texts[folder / PARTITIONS] = partitions_text(proposal)
    there = [str(path) for path in texts if path.exists()]
    if there and not force:
        raise ConfigError(f"{' and '.join(there)} exist already; use another --output, or --force to replace them")
    for path, text in texts.items():
        write_whole(path, text)
    return list(texts)


def _entries(proposal: Proposal, partitions: str) -> Iterator[tuple[str, Any, list[str]]]:
    """Every entry with its comment."""
    cluster = proposal.cluster
    yield "executor", "slurm", ["Jobs go to SLURM, through snakemake-executor-plugin-slurm."]
    yield "jobs", proposal.jobs, [f"Jobs in the queue at once{_limit('your MaxSubmitJobs', cluster.max_submit)}."]
    yield "max-jobs-per-timespan", "10/1s", ["Jobs handed to sbatch per second."]
    yield (
        "slurm-partition-config",
        partitions,
        [
            f"Jobs without a GPU go to {proposal.cpu.name}, "
            + (f"those with one to {proposal.gpu.name}." if proposal.gpu else "and there is no partition for others."),
            "The path counts from the folder in which snakemake is started.",
        ],
    )
    defaults = {"slurm_account": proposal.account, "qos": proposal.qos}
    if any(defaults.values()):
        # an expression for Snakemake, so a text has quotes of its own
        quoted = {key: repr(value) for key, value in defaults.items() if value}
        yield "default-resources", quoted, ["Whom the jobs are charged to. A text has quotes inside quotes."]
    if (changes := _changes(proposal)) != {}:
        yield "set-resources", changes, _why_changed(proposal)
    yield (
        "slurm-status-command",
        proposal.status_command,
        ["sacct answers here." if cluster.accounting else "No accounting (sacct) here, so squeue tells how jobs are."],
    )
    yield "slurm-init-seconds-before-status-checks", proposal.first_look, ["Seconds before the first look at a job."]
    yield "slurm-status-attempts", 10000, ["Looks that may fail in a row: a controller that is away comes back."]
    yield "max-status-checks-per-second", 0.5, ["At most one look in two seconds."]
    if proposal.requeue:
        yield "slurm-requeue", True, ["A preempted job, or one whose node is lost, goes back into the queue."]
    yield "retries", 5, ["A job that failed is tried again; finished items are not made again."]
    yield "keep-going", True, ["A job that failed for good ends only what depends on it."]
    yield "latency-wait", 60, ["Seconds that a file of another machine may take to appear here."]


def _arrays(proposal: Proposal) -> list[str]:
    """Job arrays, as comments: version 2.8 of the plugin has a fault in them."""
    if not proposal.array_limit:
        return []
    size = _limit("MaxArraySize - 1", (proposal.cluster.number("MaxArraySize") or 0) - 1)
    return [
        f"Job arrays, of so many tasks at most{size}. Why they are off: workflow/profiles/slurm/config.yaml.",
        "slurm-array-jobs: edits,verdicts",
        f"slurm-array-limit: {proposal.array_limit}",
        "keep-incomplete: true",
    ]


def _changes(proposal: Proposal) -> dict[str, dict[str, int | str]]:
    """What single rules must ask for otherwise than they do."""
    changes: dict[str, dict[str, int | str]] = {}
    for stage, need in proposal.needs.items():
        change: dict[str, int | str] = {}
        if need.gpu and proposal.gpu_style == GRES:
            change = {"gpu": 0, "gres": f"gpu:{need.gpu}"}
        if (cut := proposal.within_limits(need)) != need:
            change["runtime"] = cut.runtime
        if change:
            changes[stage] = change
    return changes


def _why_changed(proposal: Proposal) -> list[str]:
    reasons = []
    if proposal.gpu_style == GRES:
        reasons.append("GPUs are asked for with --gres here, so the rules' own 'gpu' is taken away.")
    if any(proposal.within_limits(need) != need for need in proposal.needs.values()):
        reasons.append(
            "Run times are cut to the partition's limit; a job that is stopped there goes on in its next try."
        )
    return reasons


def _limits(one: Partition) -> dict[str, Any]:
    limits: dict[str, Any] = {"max_mem_mb": one.memory_mb, "max_threads": one.cpus}
    if one.max_minutes is not None:
        limits["max_runtime"] = one.max_minutes
    if one.features:
        limits["available_constraints"] = list(one.features)
    return limits | _gpu_limits(one)


def _gpu_limits(one: Partition) -> dict[str, Any]:
    if not one.gpus:
        return {}
    return {"max_gpu": one.gpus} | ({"available_gpu_models": list(one.gpu_types)} if one.gpu_types else {})


def _limit(what: str, value: int | None) -> str:
    return f" ({what} is {value})" if value and value > 0 else ""


def _comment(lines: list[str]) -> str:
    """Comments; a name with a line break in it stays on its line."""
    return "".join(f"# {' '.join(line.splitlines())}".rstrip() + "\n" for line in lines)


def _dump(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000)


def _indent(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one try.

    Attributes:
        name: what was tried.
        command: the whole command.
        accepted: whether such a job would be taken and could start.
        reply: SLURM's answer, or what of the partition's limits the job breaks.
    """

    name: str
    command: tuple[str, ...]
    accepted: bool
    reply: str


def options(proposal: Proposal, rule: str, need: Needs, style: str) -> list[str]:
    """The options that snakemake-executor-plugin-slurm gives to ``sbatch`` for such a job; a test compares them."""
    words = ["--parsable", "--job-name", "varireal-test", "--output", "/dev/null", "--export=ALL"]
    words += ["--comment", f"rule_{rule}"]
    words += ["-A", proposal.account] if proposal.account else []
    words += ["-p", proposal.partition_of(need).name, "-t", str(need.runtime)]
    words += [f"--qos={proposal.qos}"] if proposal.qos else []
    words += ["--mem", str(need.mem_mb)]
    words += ["--requeue"] if proposal.requeue else []
    words += [] if need.gpu else ["--ntasks=1"]
    words += [f"--cpus-per-task={need.threads}", "-D", str(Path.cwd())]
    if need.gpu:
        words.append(f"--gpus={need.gpu}" if style == GPUS else f"--gres=gpu:{need.gpu}")
    return words


def try_jobs(proposal: Proposal) -> list[Trial]:
    """Try the largest job without a GPU and the largest with one; a refused GPU is tried in the other style too.

    Raises:
        BackendError: sbatch does not answer.
    """
    trials = [_try("a job without a GPU", proposal, LARGEST_CPU, GPUS)]
    if proposal.gpu is not None:
        trials.append(_try(f"a job with a GPU (--{proposal.gpu_style})", proposal, LARGEST_GPU, proposal.gpu_style))
        if not trials[-1].accepted:
            other = GRES if proposal.gpu_style == GPUS else GPUS
            trials.append(_try(f"the same with --{other}", proposal, LARGEST_GPU, other))
    return trials


def _try(name: str, proposal: Proposal, default: Needs, style: str) -> Trial:
    """Try the job that asks for most, within the time limit; ``default`` when the study has none of its kind."""
    wanted = [(rule, need) for rule, need in proposal.needs.items() if bool(need.gpu) == bool(default.gpu)]
    rule, need = max(wanted, key=lambda pair: (pair[1].mem_mb, pair[1].runtime), default=("edits", default))
    need = proposal.within_limits(need)
    command = ("sbatch", "--test-only", *options(proposal, rule, need, style), "--wrap=true")
    done = call(command)
    reply = last_line(done.stderr) or last_line(done.stdout) or f"exit code {done.returncode}"
    broken = list(_broken(proposal.partition_of(need), need))
    # SLURM says when a job could start even where the partition's limits would hold it back for ever
    return Trial(name, command, done.returncode == 0 and not broken, "; ".join((*broken, reply)))


def _broken(one: Partition, need: Needs) -> Iterator[str]:
    """What of a partition's limits is broken; ``--test-only`` looks at time and state only with EnforcePartLimits."""
    if not one.up:
        yield f"partition {one.name} is not up"
    if need.mem_mb > one.memory_mb:
        yield f"{need.mem_mb} MB are more than the {one.memory_mb} of a node of partition {one.name}"
    if one.max_minutes is not None and need.runtime > one.max_minutes:
        yield f"{need.runtime} min are more than the {one.max_minutes} of partition {one.name}"


def run(
    *,
    configfile: Sequence[Path],
    study: Path | None,
    output: Path | None,
    force: bool,
    test: bool,
    partition: str,
    gpu_partition: str,
    gpu_style: str,
    account: str,
    qos: str,
) -> int:
    """Look at this machine's cluster, and propose a profile: on the screen, or in a folder.

    Raises:
        BackendError: no SLURM here, it does not answer, or ``--test`` was refused.
        ConfigError: a partition that is not there, files that are, or a config that is not valid.
    """
    needs = study_needs(Layout(load_study_config(configfile, study))) if configfile or study else {}
    wishes = Wishes(partition, gpu_partition, gpu_style, account, qos)
    proposal = propose(look(), needs, wishes)
    for line in _lines(proposal):
        logger.log(SUMMARY, "%s", line)
    if output is None:
        sys.stdout.write(profile_text(proposal, PARTITIONS))
        sys.stdout.write(f"\n# ---- {PARTITIONS} ----\n{partitions_text(proposal)}")
    else:
        for path in write(proposal, output, force=force):
            logger.log(SUMMARY, "written: %s", path)
        logger.log(SUMMARY, "use it: snakemake --profile %s", shlex.quote(str(output)))
    return _test(proposal) if test else 0


def _lines(proposal: Proposal) -> list[str]:
    cluster = proposal.cluster
    lines = [f"cluster {cluster.name}, SLURM {cluster.version}, {len(cluster.partitions)} partitions"]
    lines.append(f"jobs without a GPU  {describe(proposal.cpu)}")
    if proposal.gpu is not None:
        lines.append(f"jobs with a GPU     {describe(proposal.gpu)}, asked for with --{proposal.gpu_style}")
    lines += [f"note: {note}" for note in proposal.notes]
    if not proposal.needs:
        lines.append("note: give the study's folder or --configfile, and its jobs are compared with the limits")
    return lines


def _test(proposal: Proposal) -> int:
    trials = try_jobs(proposal)
    for trial in trials:
        logger.log(SUMMARY, "%s: %s: %s", trial.name, "accepted" if trial.accepted else "refused", trial.reply)
        logger.log(SUMMARY, "    %s", shlex.join(trial.command))
    refused = next((trial for trial in trials if not trial.accepted), None)
    if refused is None:
        return 0
    cure = "choose other partitions with --partition and --gpu-partition"
    if len(trials) == 3 and trials[0].accepted and trials[2].accepted:
        cure = f"the same is accepted with --gpu-style {GRES if proposal.gpu_style == GPUS else GPUS}"
    raise BackendError(f"{refused.name} is refused: {refused.reply}; {cure}")
