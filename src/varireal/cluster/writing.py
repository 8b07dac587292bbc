"""Writes a proposal as a profile of Snakemake: ``config.yaml``, and the partitions in a file beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from varireal.cluster.choosing import GRES, Proposal
from varireal.cluster.facts import Partition
from varireal.errors import ConfigError
from varireal.files import write_whole

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
    found: dict[str, dict[str, int | str]] = {}
    for need in proposal.needs:
        change: dict[str, int | str] = {}
        if need.gpus and proposal.gpu_style == GRES:
            change = {"gpu": 0, "gres": f"gpu:{need.gpus}"}
        if (cut := proposal.within_limits(need)) != need:
            change["runtime"] = cut.minutes
        if change:
            found[need.rule] = change
    return found


def _why_changed(proposal: Proposal) -> list[str]:
    told = []
    if proposal.gpu_style == GRES:
        told.append("GPUs are asked for with --gres here, so the rules' own 'gpu' is taken away.")
    if any(proposal.within_limits(need) != need for need in proposal.needs):
        told.append("Run times are cut to the partition's limit; a job that is stopped there goes on in its next try.")
    return told


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
