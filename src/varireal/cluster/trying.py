"""Asks SLURM whether it would take a job, with ``sbatch --test-only``: nothing is put into the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from varireal.cluster import asking
from varireal.cluster.choosing import GPUS, GRES, Proposal
from varireal.cluster.facts import Partition
from varireal.cluster.needs import LARGEST_CPU, LARGEST_GPU, Need
from varireal.running.slurm_programs import call


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one try.

    Attributes:
        name: what was tried.
        command: the whole command.
        accepted: whether such a job would be taken and could start.
        said: SLURM's answer, or what of the partition's limits the job breaks.
    """

    name: str
    command: tuple[str, ...]
    accepted: bool
    said: str


def options(proposal: Proposal, need: Need, style: str) -> list[str]:
    """The options that snakemake-executor-plugin-slurm gives to ``sbatch`` for such a job; a test compares them."""
    found = ["--parsable", "--job-name", "varireal-test", "--output", "/dev/null", "--export=ALL"]
    found += ["--comment", f"rule_{need.rule}"]
    found += ["-A", proposal.account] if proposal.account else []
    found += ["-p", proposal.partition_of(need).name, "-t", str(need.minutes)]
    found += [f"--qos={proposal.qos}"] if proposal.qos else []
    found += ["--mem", str(need.memory_mb)]
    found += ["--requeue"] if proposal.requeue else []
    found += [] if need.gpus else ["--ntasks=1"]
    found += [f"--cpus-per-task={need.threads}", "-D", str(Path.cwd())]
    if need.gpus:
        found.append(f"--gpus={need.gpus}" if style == GPUS else f"--gres=gpu:{need.gpus}")
    return found


def try_jobs(proposal: Proposal) -> list[Answer]:
    """Try the largest job without a GPU and the largest with one; a refused GPU is tried in the other style too.

    Raises:
        BackendError: sbatch does not answer.
    """
    answers = [_try("a job without a GPU", proposal, _largest(proposal, LARGEST_CPU), GPUS)]
    if proposal.gpu is not None:
        need = _largest(proposal, LARGEST_GPU)
        answers.append(_try(f"a job with a GPU (--{proposal.gpu_style})", proposal, need, proposal.gpu_style))
        if not answers[-1].accepted:
            other = GRES if proposal.gpu_style == GPUS else GPUS
            answers.append(_try(f"the same with --{other}", proposal, need, other))
    return answers


def _largest(proposal: Proposal, default: Need) -> Need:
    """The need of a real rule that asks for most, within the time limit; a stand-in when there is no such rule."""
    wanted = [need for need in proposal.needs if bool(need.gpus) == bool(default.gpus)]
    return proposal.within_limits(max(wanted, key=lambda need: (need.memory_mb, need.minutes), default=default))


def _try(name: str, proposal: Proposal, need: Need, style: str) -> Answer:
    command = ("sbatch", "--test-only", *options(proposal, need, style), "--wrap=true")
    done = call(command)
    said = asking.last_line(done.stderr) or asking.last_line(done.stdout) or f"exit code {done.returncode}"
    broken = _broken(proposal.partition_of(need), need)
    # SLURM says when a job could start even where the partition's limits would hold it back for ever
    return Answer(name, command, done.returncode == 0 and not broken, "; ".join((*broken, said)))


def _broken(one: Partition, need: Need) -> Sequence[str]:
    """What of a partition's limits is broken; ``--test-only`` looks at time and state only with EnforcePartLimits."""
    found = []
    if not one.up:
        found.append(f"partition {one.name} is not up")
    if need.memory_mb > one.memory_mb:
        found.append(f"{need.memory_mb} MB are more than the {one.memory_mb} of a node of partition {one.name}")
    if one.max_minutes is not None and need.minutes > one.max_minutes:
        found.append(f"{need.minutes} min are more than the {one.max_minutes} of partition {one.name}")
    return found
