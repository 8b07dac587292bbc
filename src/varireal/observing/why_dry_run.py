"""What Snakemake would do: its own dry run, read as jobs with their reasons.

The dry run of Snakemake decides which jobs run; nothing here decides it a second time. Its text is the only form in
which Snakemake 9 gives reasons, and every rule of this workflow has one log, whose path names the job.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from varireal.errors import BackendError, ConfigError

_JOB = re.compile(r"(?:local)?rule (.+):")
_FIELD = re.compile(r"    (\w+): (.*)")
_PARAMS = "Params have changed since last execution:"
_KINDS = {
    "Missing output files": "missing",
    "Incomplete output files": "incomplete",
    "Updated input files": "newer",
    "Input files updated by another job": "behind",
    "Set of input files has changed since last execution": "inputs",
    "Code has changed since last execution": "code",
    "Params have changed since last execution": "params",
    "Software environment definition has changed since last execution": "environment",
    "Forced execution": "forced",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One job that would run.

    Attributes:
        rule: its rule.
        log: path of its log, which no other job has.
        inputs: paths, in order.
        outputs: paths, in order.
        reasons: kind of reason to the files that Snakemake names for it: ``missing``, ``incomplete``, ``newer``,
            ``behind`` (an earlier job writes the input), ``inputs``, ``code``, ``params``, ``environment``.
        params: what Snakemake says of changed parameters, as it says it.
    """

    rule: str
    log: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)
    params: str = ""

    @property
    def stage(self) -> str:
        """The stage that it is of; classifiers have a rule per job."""
        return "config" if self.rule == "stage_config" else self.rule.partition("_")[0]


def dry_run(options: Sequence[str], root: str) -> list[Job]:
    """The jobs that ``snakemake`` would run now, in this folder.

    Args:
        options: of Snakemake, which give it the study's config.
        root: folder of the study, which all its files start with.

    Raises:
        ConfigError: there is no workflow here, or its config is not valid.
        BackendError: Snakemake is not installed or cannot run.
    """
    if not any(Path(name).is_file() for name in ("Snakefile", "workflow/Snakefile")):
        raise ConfigError(f"no Snakefile in {Path.cwd()}; run this in the folder that you run snakemake in")
    beside = shutil.which("snakemake", path=str(Path(sys.executable).parent))
    snakemake = [beside] if beside else [sys.executable, "-m", "snakemake"]
    command = [*snakemake, "--dry-run", "--nocolor", "--quiet", "host", "--nolock", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our own words
    if done.returncode:
        raise _failure(done.stderr + done.stdout)
    return list(read_jobs(done.stdout, root))


def _failure(text: str) -> ConfigError | BackendError:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ours = next((line for line in lines if line.startswith("error: ")), None)
    if ours is not None:
        return ConfigError(ours.removeprefix("error: "))
    last = lines[-1] if lines else "no message"
    if "No module named snakemake" in last:
        return BackendError("snakemake is not installed; install it beside varireal")
    return BackendError(f"'snakemake --dry-run' failed: {last}")


def read_jobs(text: str, root: str) -> Iterator[Job]:
    """Jobs out of the text of a dry run; the rule ``all``, which does nothing, is left out."""
    rule, fields = "", dict[str, str]()
    for line in (*text.splitlines(), "rule end:"):
        start = _JOB.fullmatch(line)
        if start is not None:
            if "log" in fields:
                yield _job(rule, fields, root)
            rule, fields = start[1], {}
        elif (found := _FIELD.fullmatch(line)) is not None:
            fields.setdefault(found[1], found[2])


def _job(rule: str, fields: dict[str, str], root: str) -> Job:
    return Job(
        rule,
        fields["log"],
        _paths(fields.get("input", ""), root),
        _paths(fields.get("output", ""), root),
        _reasons(fields.get("reason", ""), root),
        fields.get("reason", "").partition(_PARAMS)[2],
    )


def _paths(text: str, root: str) -> tuple[str, ...]:
    """Paths of a list; all start with the root, so a comma in it does no harm. Snakemake adds flags in brackets."""
    found = re.split(rf", (?={re.escape(root)}/)", text) if text else []
    return tuple(path.removesuffix(" (update)") for path in found)


def _reasons(text: str, root: str) -> dict[str, tuple[str, ...]]:
    plain, params, told = text.partition(_PARAMS)
    if params and told.endswith("Software environment definition has changed since last execution"):
        plain += "; Software environment definition has changed since last execution"
    found: dict[str, tuple[str, ...]] = {"params": ()} if params else {}
    starts = "|".join(map(re.escape, _KINDS))
    for match in re.finditer(rf"(?:^|; )({starts})(?:: (.*?))?(?=; (?:{starts})|; $|$)", plain):
        found[_KINDS[match[1]]] = _paths(match[2] or "", root)
    return found
