"""All that this package and its rules touch of Snakemake's own objects, so that a new version is looked at here alone.

Tried with the Snakemake of ``TRIED``, by the tests; the package allows none before it (9.0 keeps some of this
elsewhere). A newer one is let in; where it lacks one of these objects, the user is told which was tried.
Its workflow object is handed in; Snakemake is imported by its logger plugin alone. What is used of it and is no
documented interface: ``Workflow._prepare_dag``, the settings' ``_parsed_overwrite_resources`` and
``_parsed_overwrite_threads``, ``Scheduler._executor``, ``DAG.jobid``, ``DAG.needrun_jobs``, ``Workflow.modifier``, the
handler, filter and formatter of ``snakemake.logging``, and the words of its messages (``REWORDED``); for a module also
``Workflow._localrules``, ``_onstart`` and ``_onerror``, and the shell's prefix. The records in ``.snakemake/metadata``
are read in ``tools.why_sources``.

The classifiers have one rule per job (``adapters_00000-of-00002``), for its files are known only from the config.
Options that take names of rules would not know the stage's name, and Snakemake passes over most names that no rule
has. So a stage's name stands for all its rules here, and a name that means nothing is refused.
"""

import difflib
import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from logging.handlers import QueueHandler
from pathlib import Path
from queue import Queue
from typing import Any, Protocol, cast, runtime_checkable

import yaml

from varireal.core.files import error_text, merged, write_whole
from varireal.core.paths import StudyPaths
from varireal.core.stages import TRAINING_STAGES
from varireal.errors import BackendError, ConfigError, VariRealError
from varireal.running import installation
from varireal.running.workflow import Start

TRIED = "9.27"
_LOG_SECONDS = 5.0  # a thread that died must not keep the workflow from ending
# Stages whose jobs are rules of their own.
# In a module of another workflow their names may have a prefix.
_JOB = re.compile(rf"((?:.*_)?(?:{'|'.join(TRAINING_STAGES)}))_\d{{5}}-of-\d{{5}}")
# Rules that take a moment each, and stay on the workflow's machine.
_LOCAL = ("stage_config", "prompts", "prompts_gathered")
# Of one size in several units; Snakemake keeps such a resource under its name without a unit.
_SIZES, _UNITS = ("mem", "disk"), ("", "_mb", "_mib")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """A mistake is one line and exit code 2."""
    try:
        yield
    except (VariRealError, OSError) as error:
        _wait_for_log()  # the cause is the last line, where people look first
        sys.stderr.write(f"error: {error_text(error)}\n")
        sys.exit(2)


def _wait_for_log() -> None:
    """Wait until Snakemake's logger plugin, which writes in a thread of its own, has written all it was given."""
    end = time.monotonic() + _LOG_SECONDS
    for handler in logging.getLogger("snakemake.logging").handlers:
        if isinstance(handler, QueueHandler) and isinstance(handler.queue, Queue):
            while handler.queue.unfinished_tasks and time.monotonic() < end:
                time.sleep(0.01)


class ByStage(dict[str, Any]):
    """Settings by the name of a rule, where a job's rule finds those of its stage too; those of its own name win.

    Only the look-up knows of it: what is handed on to the jobs of a cluster are the few settings that were given, and
    each job's Snakemake reads this again. Hundreds of trainings would not fit into a command line.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """What is set for a rule."""
        own, stage = super().get(key), super().get(stage_of(key))
        if own is None or stage is None or own is stage:
            return next((found for found in (own, stage) if found is not None), default)
        if isinstance(own, set | frozenset):
            return own | stage
        if not isinstance(own, Mapping):
            return own
        both = stage.copy()
        both.update(own)
        return both


def stage_of(rule: str) -> str:
    """The stage's name of a job's rule; any other name is its own."""
    job = _JOB.fullmatch(rule)
    return job[1] if job else rule


def is_module(workflow: Any) -> bool:
    """Whether the rules that are being read are a module of another workflow."""
    return not workflow.modifier.is_main_snakefile()


def settle_names(workflow: Any) -> None:
    """Let settings for a stage reach the rules of its jobs, and refuse names of no rule before anything runs.

    To be called before the first rule, for some settings are read while a rule is made; the others are there, and all
    rules known, when Snakemake starts to plan. In a module stages get their settings, but no name is refused: whether
    it means something is for the workflow around it to say.
    """
    resources, rules = workflow.resource_settings, workflow.workflow_settings
    try:
        resources._parsed_overwrite_resources = ByStage(resources._parsed_overwrite_resources)
        resources._parsed_overwrite_threads = ByStage(resources._parsed_overwrite_threads)
        rules.consider_ancient = ByStage(rules.consider_ancient)
        plan, strict = workflow._prepare_dag, not is_module(workflow)
    except AttributeError as error:
        raise BackendError(
            f"this version of Snakemake is not known to VariReal ({error}); install one that was tried: {TRIED}"
        ) from error
    if workflow.is_main_process:
        workflow._prepare_dag = _after_the_check(workflow, plan, strict=strict)


def _after_the_check(workflow: Any, plan: Callable[..., None], *, strict: bool) -> Callable[..., None]:
    def checked(*args: Any, **settings: Any) -> None:
        with one_line_errors():
            _use_names(workflow, strict=strict)
        plan(*args, **settings)

    return checked


def _use_names(workflow: Any, *, strict: bool) -> None:
    """Replace the names of rules in every option that takes them, and check them where this is the whole workflow.

    Raises:
        ConfigError: a name of no rule, or of a stage without a job.
    """
    names = _Names([rule.name for rule in workflow.rules], strict=strict)
    resources, rules, dag = workflow.resource_settings, workflow.workflow_settings, workflow.dag_settings
    names.check("--set-resources", resources._parsed_overwrite_resources)
    names.check("--set-threads", resources._parsed_overwrite_threads)
    names.check("--consider-ancient", rules.consider_ancient)
    names.check("--slurm-array-jobs", _array_rules(workflow) - {"all"})
    if dag.batch is not None:
        names.check("--batch", [dag.batch.rulename], several=False)
    if rules.cache is not None:
        rules.cache = names.rules("--cache", rules.cache)
    dag.allowed_rules = frozenset(names.rules("--allowed-rules", dag.allowed_rules))
    for place, option in (("targets", "the target"), ("forcerun", "--forcerun"), ("until", "--until")):
        setattr(dag, place, frozenset(names.rules(option, getattr(dag, place), files=True)))
    dag.omit_from = frozenset(names.rules("--omit-from", dag.omit_from, files=True, needed=False))
    if (scheduling := workflow.scheduling_settings) is not None:
        scheduling.prioritytargets = frozenset(names.rules("--prioritize", scheduling.prioritytargets, files=True))
    if (groups := workflow.group_settings) is not None:
        names.check("--groups", groups.overwrite_groups)
        groups.overwrite_groups = ByStage(groups.overwrite_groups)
    if (remote := workflow.remote_execution_settings) is not None:
        preemptible = remote.preemptible_rules
        preemptible.rules = frozenset(names.rules("--preemptible-rules", preemptible.rules, needed=False))
    if strict:
        _check_scatter(resources.overwrite_scatter)
        _check_scopes(resources.overwrite_resource_scopes, workflow)


class _Names:
    """The names that options may use: of rules, and of the stages whose jobs are rules of their own."""

    def __init__(self, rules: Collection[str], *, strict: bool) -> None:
        self._strict = strict
        self._rules: dict[str, list[str]] = {stage: [] for stage in TRAINING_STAGES}
        for rule in rules:
            self._rules.setdefault(stage_of(rule), []).append(rule)
        self._rules |= {rule: [rule] for rule in rules}

    def check(self, option: str, names: Iterable[str], *, several: bool = True) -> None:
        """Refuse what is no name, unless other rules than ours may have it.

        Args:
            option: where the names are from, for the message.
            names: as given.
            several: whether a name may stand for more than one rule.

        Raises:
            ConfigError: with the nearest name and all of them.
        """
        for name in names if self._strict else ():
            if name not in self._rules:
                raise ConfigError(
                    f"{option} {name}: no rule has this name; did you mean {self._nearest(name)!r}? {self._told()}"
                )
            if not several and name in TRAINING_STAGES:
                raise ConfigError(
                    f"{option} {name}: the jobs of {name} are rules of their own; name one of them. {self._told()}"
                )

    def rules(
        self, option: str, names: Iterable[str] | None, *, files: bool = False, needed: bool = True
    ) -> list[str]:
        """The rules that names stand for.

        Args:
            option: where the names are from, for the message.
            names: as given; None is none.
            files: paths are allowed, too; every result lies in a folder, and no rule has a slash in its name.
            needed: a stage must have a job.

        Raises:
            ConfigError: a name of no rule, or of a stage without a job where none in its place would mean all.
        """
        found: list[str] = []
        for name in sorted(names or ()):
            if files and "/" in name:
                found.append(name)
                continue
            self.check(option, [name])
            if needed and not self._rules.get(name, [name]):
                raise ConfigError(
                    f"{option} {name}: this study has no job of {name}; adapters.regimes says which it has"
                )
            found += self._rules.get(name, [name])
        return found

    def _nearest(self, name: str) -> str:
        """The most similar name; of a job that the study does not have, its stage."""
        if (stage := stage_of(name)) != name:
            return stage
        return difflib.get_close_matches(name, self._rules, 1, cutoff=0)[0]

    def _told(self) -> str:
        jobs = [rules[0] for stage in TRAINING_STAGES if (rules := self._rules[stage])]
        single = f"; for one job alone its own, such as {jobs[0]}" if jobs else ""
        return f"The names are: {', '.join(sorted(name for name in self._rules if stage_of(name) == name))}{single}"


def _check_scatter(scatter: Mapping[str, int]) -> None:
    for name in scatter:
        raise ConfigError(
            f"--set-scatter {name}: this workflow has nothing of that kind; study.shards and adapters.jobs say how "
            "many jobs there are"
        )


def _check_scopes(scopes: Mapping[str, str], workflow: Any) -> None:
    """Refuse a scope for a resource that neither a rule nor a limit (``--resources``) names."""
    plain = {name for rule in workflow.rules for name in rule.resources} | set(workflow.global_resources) | {*_SIZES}
    known = {name for name in plain if not name.startswith("_")}
    for name in scopes:
        if name not in known | {size + unit for size in _SIZES for unit in _UNITS}:
            near = difflib.get_close_matches(name, known, 1, cutoff=0)[0]
            raise ConfigError(
                f"--set-resource-scopes {name}: no rule has this resource; did you mean {near!r}? "
                f"The names are: {', '.join(sorted(known))}"
            )


def _array_rules(workflow: Any) -> set[str]:
    """Rules that the executor for SLURM is to hand in as arrays; other executors have no such setting."""
    told = getattr(workflow.executor_settings, "array_jobs", None) or ""
    return {name.strip() for name in told.replace(";", ",").split(",") if name.strip()}


def command_line_values(workflow: Any) -> dict[str, Any]:
    """The values of ``--config`` with the types that a file would give them; inside a mapping Snakemake has text only.

    None of them are of the study where this workflow is a module of another one, which says what its config is.
    """
    values: dict[str, Any] = {}
    if workflow.modifier.skip_configfile:
        return values
    for word in workflow.config_settings.config_args or ():
        key, _, text = word.partition("=")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        values = merged(values, {key: value})
    return values


def executor(workflow: Any) -> object:
    """What hands out the jobs; that for SLURM gives all jobs of a run one name, ``run_uuid``."""
    return workflow.scheduler._executor


def mend_queue(workflow: Any) -> None:
    """Where jobs go to a cluster, let SLURM's programs answer as the executor plugin expects."""
    if not workflow.local_exec:
        from varireal.running.slurm import mend_sacct  # here, because few workflows and no job need it

        mend_sacct()


def results(workflow: Any, root: str) -> list[Path]:
    """Every file in the study's folder that a job of the plan writes."""
    return [Path(path) for job in workflow.dag.jobs for path in job.output if path.startswith(f"{root}/")]


def finished_jobs(workflow: Any) -> list[int]:
    """Snakemake's numbers of the jobs that are done."""
    return [workflow.dag.jobid(job) for job in workflow.dag.finished_jobs]


def start(workflow: Any, root: str, module: Mapping[str, Any] | None = None) -> Start:
    """What the workflow was started with.

    Args:
        workflow: Snakemake's.
        root: the study's folder.
        module: the study's config where it is a module's; it is written into a file, for no other file holds it.
    """
    given, here = workflow.config_settings, Path.cwd()
    if module is not None:
        file = StudyPaths(root).module_config
        write_whole(Path(file), yaml.safe_dump(dict(module), allow_unicode=True))
        return Start(root, str(here), (file,))
    files = [Path(path) for path in given.configfiles]
    return Start(
        root,
        str(here),
        tuple(str(path.relative_to(here) if path.is_relative_to(here) else path) for path in files),
        command_line_values(workflow),
        tuple(given.config_args or ()),
        given.replace_workflow_config,
    )


def show_progress(workflow: Any, root: str) -> None:
    """Let the logger plugin of this package show the jobs that are about to run; without it nothing happens.

    Args:
        workflow: Snakemake's.
        root: the study's folder.
    """
    for handler in workflow.logger_manager.get_log_handlers():
        if isinstance(handler, ShowsJobs):
            handler.begin(Path(root), _jobs_to_run(workflow, f"{root}/logs/"))


@runtime_checkable
class ShowsJobs(Protocol):
    """A logger plugin that wants to know which jobs there are."""

    def begin(self, root: Path, jobs: Mapping[int, str]) -> None:
        """Show the jobs of a study: Snakemake's number of each, and the name of its log below ``logs``."""


def _jobs_to_run(workflow: Any, logs: str) -> dict[int, str]:
    return {
        workflow.dag.jobid(job): str(job.log[0]).removeprefix(logs).removesuffix(".log")
        for job in workflow.dag.needrun_jobs()
        if job.log and str(job.log[0]).startswith(logs)
    }


def join_parent(workflow: Any, root: str, begin: Callable[[], None], fail: Callable[[], None]) -> None:
    """Where these rules are a module, see to what Snakemake does for the main workflow alone. To be called after them.

    Snakemake calls no hooks of a module, and knows local rules by the names that they have in its own file.

    Args:
        workflow: Snakemake's.
        root: the study's folder.
        begin: the hook for the start; it is called before the one of the workflow around.
        fail: that for a failure.

    Raises:
        ConfigError: the module renames paths.
    """
    if not is_module(workflow):
        return
    file, rename = f"{root}/images.parquet", workflow.modifier.modify_rulename
    if workflow.modifier.path_modifier.replace_prefix(file) != file:
        raise ConfigError(
            f"the module {workflow.modifier.namespace} has a prefix, which would move the results of {root} but not "
            "their stores; leave it out, and say study.results in the module's config instead"
        )
    for name in workflow._localrules.intersection(_LOCAL):
        workflow._localrules.add(rename(name))
        workflow._localrules -= {name} - {rule.name for rule in workflow.rules}
    # each 'use rule' reads the rules again, and two modules may be two studies
    hooks = vars(workflow).setdefault("varireal_hooks", {})
    if workflow.is_main_process and not hooks:
        workflow._prepare_dag = _with_hooks(workflow, workflow._prepare_dag, hooks)
    hooks[root] = (begin, fail)


def _with_hooks(workflow: Any, plan: Callable[..., None], hooks: dict[str, Any]) -> Callable[..., None]:
    """Put the hooks of modules before those of the workflow around, which are known when it starts to plan."""

    def before(ours: list[Callable[[], None]], theirs: Callable[[str], None]) -> Callable[[str], None]:
        def both(log: str) -> None:
            for hook in ours:
                hook()
            theirs(log)

        return both

    def planned(*args: Any, **settings: Any) -> None:
        workflow._onstart = before([begin for begin, _ in hooks.values()], workflow._onstart)
        workflow._onerror = before([fail for _, fail in hooks.values()], workflow._onerror)
        hooks.clear()
        plan(*args, **settings)

    return planned


def set_prefix(workflow: Any, shell: Any) -> None:
    """Let each job of the workflow learn which version it has, see ``installation``; a module keeps the prefix around.

    Args:
        workflow: Snakemake's.
        shell: Snakemake's.
    """
    prefix = installation.shell_prefix(alone=not is_module(workflow))
    around = (shell._process_prefix or "") if is_module(workflow) else ""
    if prefix.format() not in around:
        shell.prefix(around.replace("{", "{{").replace("}", "}}") + prefix)


def snakemake_handler(settings: Any) -> logging.Handler:
    """What writes Snakemake's own words to the screen, as without a logger plugin.

    Args:
        settings: its output settings, which a logger plugin is given.
    """
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    handler = ColorizingTextHandler(nocolor=settings.nocolor, stream=sys.stdout if settings.stdout else sys.stderr)
    quiet = settings.quiet
    parts = (quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds)
    handler.addFilter(DefaultFilter(*parts))
    handler.setFormatter(DefaultFormatter(quiet, settings.show_failed_logs))
    return cast(logging.Handler, handler)


def is_quiet(settings: Any, what: str) -> bool:
    """Whether ``--quiet`` covers ``progress`` or ``rules``."""
    from snakemake.logging import is_quiet_about

    return bool(is_quiet_about(settings.quiet or (), what))


LOOKING = "looking at what is there and what is to be done"
# Messages of Snakemake and its executor for SLURM, by how they begin, and what a person reads in their place; nothing
# where they say what is shown otherwise, what is of no use to a person, or sounds like a fault where there is none.
REWORDED = {
    "Config file ": "",
    "Assuming unrestricted shared filesystem usage": "",
    "Building DAG of jobs": LOOKING,
    "Using shell:": "",
    "Conda environments: ignored": "",
    "Singularity containers: ignored": "",
    "Group jobs: inactive": "",
    "Select jobs to execute": "",
    "Complete log(s):": "",
    "Elapsed time:": "",
    "Removing output files of failed job": "",
    "Removing temporary output": "",
    "Exiting because a job execution failed": "",
    "At least one job did not complete successfully": "",
    "WorkflowError:\nAt least one job did not complete successfully": "",
    "RuleException:\nCalledProcessError in file": "",
    "Job rate limit reached": "",
    "Trying to restart job": "",
    "Shutting down, this might take some time": "",
    "Cleaning up SLURM log files": "",
    "Terminating processes on user request": (
        "stopping: what is finished is kept; run the same command again to go on"
    ),
    "Will exit after finishing currently running jobs": (
        "stopping (a job failed, or a signal came): no new job is started, those at work are finished first"
    ),
}
_HANDED_IN = re.compile(r"Job \d+ has been submitted with SLURM jobid|Submitted array job with Snakemake IDs")


def reworded(text: str) -> str:
    """A message of Snakemake as a person should read it; empty when it should not be shown."""
    if _HANDED_IN.match(text):
        return ""
    return next((words for begin, words in REWORDED.items() if text.startswith(begin)), text)
