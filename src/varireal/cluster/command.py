"""``varireal cluster``."""

import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from varireal.checking import load_study_config
from varireal.cluster.choosing import Proposal, Wishes, propose
from varireal.cluster.looking import look
from varireal.cluster.needs import Need, study_needs
from varireal.cluster.trying import try_jobs
from varireal.cluster.writing import PARTITIONS, describe, partitions_text, profile_text, write
from varireal.errors import BackendError
from varireal.layout import Layout
from varireal.logs import SUMMARY

logger = logging.getLogger(__name__)


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
    needs: list[Need] = study_needs(Layout(load_study_config(configfile, study))) if configfile or study else []
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
    answers = try_jobs(proposal)
    for answer in answers:
        logger.log(SUMMARY, "%s: %s: %s", answer.name, "accepted" if answer.accepted else "refused", answer.said)
        logger.log(SUMMARY, "    %s", shlex.join(answer.command))
    if (cure := _cure(proposal, [answer.accepted for answer in answers])) is not None:
        refused = next(answer for answer in answers if not answer.accepted)
        raise BackendError(f"{refused.name} is refused: {refused.said}; {cure}")
    return 0


def _cure(proposal: Proposal, accepted: Sequence[bool]) -> str | None:
    """What to do about a refusal; None when there is none."""
    if all(accepted):
        return None
    if len(accepted) == 3 and accepted[0] and accepted[2]:
        other = "gres" if proposal.gpu_style == "gpus" else "gpus"
        return f"the same is accepted with --gpu-style {other}"
    return "choose other partitions with --partition and --gpu-partition"
