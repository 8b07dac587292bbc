"""Names of rules in the options of Snakemake; tests/workflow/test_rule_names.py asks the real one."""

import logging
import sys
import time
from importlib.metadata import version
from logging.handlers import QueueHandler, QueueListener
from queue import Queue
from types import SimpleNamespace

import pytest
from snakemake.resources import Resources
from snakemake.settings.types import (
    Batch,
    DAGSettings,
    GroupSettings,
    PreemptibleRules,
    RemoteExecutionSettings,
    ResourceSettings,
    SchedulingSettings,
    WorkflowSettings,
)

from kit import ROOT
from varireal.errors import BackendError, ConfigError
from varireal.running.snakemake_side import (
    TRIED,
    command_line_values,
    one_line_errors,
    set_prefix,
    settle_names,
    stage_of,
)

JOBS = ["adapters_00000-of-00002", "adapters_00001-of-00002"]
RULES = ["all", "edits", "masks", *JOBS, "predictions_00000-of-00001"]


class Workflow(SimpleNamespace):
    """What is used of Snakemake's, with its real settings; planning notes that it was reached."""

    def __init__(self, rules=RULES, dag=None, main=True, module=False, **resources):
        super().__init__(
            rules=[SimpleNamespace(name=name, resources={"mem": 1, "gpu": 1, "_cores": 1}) for name in rules],
            resource_settings=ResourceSettings(**resources),
            workflow_settings=WorkflowSettings(),
            dag_settings=DAGSettings(**(dag or {})),
            scheduling_settings=SchedulingSettings(),
            group_settings=GroupSettings(),
            remote_execution_settings=RemoteExecutionSettings(),
            executor_settings=None,
            global_resources={"licence": 1, "_cores": 2},
            is_main_process=main,
            planned=False,
            modifier=SimpleNamespace(is_main_snakefile=lambda: not module),
        )

    def _prepare_dag(self, **settings):
        self.planned = True


def plan(workflow):
    settle_names(workflow)
    workflow._prepare_dag(forceall=False)
    assert workflow.planned
    return workflow


def refused(workflow, capsys):
    with pytest.raises(SystemExit) as caught:
        plan(workflow)
    assert caught.value.code == 2
    assert not workflow.planned
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    return text


def resources(**values):
    return Resources.parse([f"{name}={value}" for name, value in values.items()], allow_expressions=True)


def test_only_names_of_jobs_have_a_stage():
    assert [stage_of(name) for name in RULES] == ["all", "edits", "masks", "adapters", "adapters", "predictions"]
    assert stage_of("adapters_x") == "adapters_x"


def test_resources_of_the_stage_and_of_one_job():
    given = {"adapters": resources(mem_mb=777, runtime=5), JOBS[1]: resources(mem_mb=888, gpu=2)}
    found = plan(Workflow(overwrite_resources=given)).resource_settings._parsed_overwrite_resources

    def of(name):
        return {key: value.raw for key, value in found.get(name, {}).items()}

    assert of(JOBS[0]) == {"mem_mb": 777, "runtime": 5}
    assert of(JOBS[1]) == {"mem_mb": 888, "runtime": 5, "gpu": 2}
    assert of("predictions_00000-of-00001") == of("edits") == {}
    # the jobs of a cluster are told what was given, not a line per training
    assert list(found) == ["adapters", JOBS[1]]


def test_threads_groups_and_ancient_inputs():
    workflow = Workflow(overwrite_threads={"adapters": 3, JOBS[0]: 2, "edits": 4})
    workflow.group_settings.overwrite_groups = {"adapters": "g"}
    workflow.workflow_settings.consider_ancient = {"adapters": {"images"}, JOBS[0]: {1}}
    plan(workflow)
    threads = workflow.resource_settings._parsed_overwrite_threads
    assert [threads.get(name).raw for name in (*JOBS, "edits")] == [2, 3, 4]
    assert threads.get("masks") is None
    assert workflow.group_settings.overwrite_groups.get(JOBS[1]) == "g"
    ancient = workflow.workflow_settings.consider_ancient
    assert ancient.get(JOBS[0], frozenset()) == {"images", 1}
    assert ancient.get("masks", frozenset()) == frozenset()


@pytest.mark.parametrize("place", ["targets", "forcerun", "until", "omit_from", "allowed_rules"])
def test_a_stage_among_targets_is_its_jobs(place):
    dag = plan(Workflow(dag={place: {"adapters", "edits"}})).dag_settings
    assert getattr(dag, place) == {*JOBS, "edits"}


@pytest.mark.parametrize("place", ["targets", "forcerun", "until", "omit_from"])
def test_paths_among_targets_stay(place):
    assert getattr(plan(Workflow(dag={place: {"results/x/images.parquet"}})).dag_settings, place) == {
        "results/x/images.parquet"
    }


def test_priorities_and_preemptible_rules():
    workflow = Workflow()
    workflow.scheduling_settings.prioritytargets = {"adapters"}
    workflow.remote_execution_settings.preemptible_rules = PreemptibleRules(rules={"adapters"})
    plan(workflow)
    assert workflow.scheduling_settings.prioritytargets == set(JOBS)
    assert workflow.remote_execution_settings.preemptible_rules.is_preemptible(JOBS[1])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"overwrite_resources": {"edit": resources(mem_mb=1)}},
            ["--set-resources edit:", "'edits'", "masks", JOBS[0]],
        ),
        ({"overwrite_threads": {"adaptors": 2}}, ["--set-threads adaptors:", "'adapters'"]),
        ({"overwrite_threads": {"adapters_00005-of-00009": 2}}, ["did you mean 'adapters'"]),
        ({"overwrite_scatter": {"adapters": 2}}, ["--set-scatter adapters:", "adapters.jobs"]),
        ({"overwrite_resource_scopes": {"gpus": "local"}}, ["--set-resource-scopes gpus:", "'gpu'", "licence"]),
        ({"dag": {"until": {"edit"}}}, ["--until edit:", "'edits'"]),
        ({"dag": {"omit_from": {"mask"}}}, ["--omit-from mask:", "'masks'"]),
        ({"dag": {"allowed_rules": {"edit"}}}, ["--allowed-rules edit:", "'edits'"]),
        ({"dag": {"targets": {"ädit"}}}, ["the target ädit:", "'edits'"]),
        ({"dag": {"batch": Batch("adapters", 1, 2)}}, ["--batch adapters:", "rules of their own"]),
        ({"dag": {"batch": Batch("dataste", 1, 2)}}, ["--batch dataste:"]),
    ],
)
def test_what_means_nothing_is_refused(settings, words, capsys):
    text = refused(Workflow(**settings), capsys)
    assert all(word in text for word in words), text


def test_names_in_other_settings_are_refused_too(capsys):
    workflow = Workflow()
    workflow.group_settings.overwrite_groups = {"edit": "g"}
    assert "--groups edit:" in refused(workflow, capsys)
    workflow = Workflow()
    workflow.executor_settings = SimpleNamespace(array_jobs="edits; verdict")
    assert "--slurm-array-jobs verdict:" in refused(workflow, capsys)
    workflow = Workflow()
    workflow.executor_settings = SimpleNamespace(array_jobs="all")
    plan(workflow)


def test_known_resources_have_scopes():
    plan(Workflow(overwrite_resource_scopes={"mem_mb": "local", "disk": "local", "licence": "global"}))


def test_a_study_without_trainings(capsys):
    """A profile serves many studies; what would run all instead of none is refused."""
    without = ["all", "edits"]
    plan(Workflow(without, overwrite_threads={"adapters": 2}, dag={"omit_from": {"adapters"}}))
    assert "no job of adapters" in refused(Workflow(without, dag={"until": {"adapters"}}), capsys)


def test_a_job_checks_nothing_but_finds_its_settings():
    workflow = plan(Workflow(main=False, overwrite_threads={"adapters": 3, "nonsense": 1}))
    assert workflow.resource_settings._parsed_overwrite_threads.get(JOBS[0]).raw == 3


def test_another_snakemake_is_named():
    with pytest.raises(BackendError, match=r"not known to VariReal .*_parsed_overwrite_resources.*9.27"):
        settle_names(SimpleNamespace(resource_settings=SimpleNamespace(), workflow_settings=None))


def test_the_snakemake_that_was_tried_is_the_oldest_allowed_and_the_one_installed():
    assert f'"snakemake>={TRIED}",' in (ROOT / "pyproject.toml").read_text()
    assert f'min_version("{TRIED}")' in (ROOT / "Snakefile").read_text()
    assert f"\nsnakemake=={TRIED}." in (ROOT / "envs" / "requirements.txt").read_text()
    assert version("snakemake").startswith(f"{TRIED}.")


def given_on_the_command_line(*words, module=False):
    settings = SimpleNamespace(config_args=words)
    return SimpleNamespace(config_settings=settings, modifier=SimpleNamespace(skip_configfile=module))


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["study={name: a, seed: 5}"], {"study": {"name": "a", "seed": 5}}),
        (["study={'seed': 5}", "study={shards: 2}"], {"study": {"seed": 5, "shards": 2}}),
        (["edits={sdxl: {weights: no, size: null}}"], {"edits": {"sdxl": {"weights": False, "size": None}}}),
        (['study={name: "5"}'], {"study": {"name": "5"}}),
        (["study={name"], {"study": "{name"}),  # refused with the config, by its name
        ([], {}),
    ],
)
def test_values_of_the_command_line_have_the_types_of_a_file(words, values):
    assert command_line_values(given_on_the_command_line(*words)) == values


def test_a_module_takes_no_values_of_the_command_line():
    assert command_line_values(given_on_the_command_line("study={seed: 5}", module=True)) == {}


PREFIXED = [f"feasibility_{name}" for name in RULES]


def test_in_a_module_a_stage_s_name_has_the_prefix_and_no_name_is_refused():
    assert stage_of(f"feasibility_{JOBS[0]}") == "feasibility_adapters"
    targets = {"feasibility_adapters", "theirs.txt", "their_rule"}
    given = {"feasibility_adapters": resources(mem_mb=777), "their_rule": resources(mem_mb=1)}
    workflow = plan(Workflow(PREFIXED, {"targets": targets}, module=True, overwrite_resources=given))
    jobs = {f"feasibility_{name}" for name in JOBS}
    assert workflow.dag_settings.targets == {*jobs, "theirs.txt", "their_rule"}
    found = workflow.resource_settings._parsed_overwrite_resources
    assert {found.get(name)["mem_mb"].raw for name in jobs} == {777}


def test_a_module_leaves_the_shell_to_the_rules_around():
    class Shell:
        _process_prefix = "set -x; echo {braces}; "

        def prefix(self, template):
            self._process_prefix = template.format()

    shell = Shell()
    for _ in range(2):  # each 'use rule' reads the rules again
        set_prefix(Workflow(module=True), shell)
    begin, _, ours = shell._process_prefix.partition("echo {braces}; ")
    assert begin == "set -x; "
    assert ours.startswith("export VARIREAL_EXPECTED=")
    assert ours.count("VARIREAL_EXPECTED") == 1
    set_prefix(Workflow(), shell)
    assert shell._process_prefix.startswith("VARIREAL_EXPECTED=")
    assert shell._process_prefix.endswith(" exec ")


def test_a_mistake_is_said_after_what_the_logger_s_thread_has_still_to_write(capsys):
    class Slow(logging.Handler):
        def emit(self, record):
            time.sleep(0.1)
            sys.stderr.write(f"{record.getMessage()}\n")

    logger, queue = logging.getLogger("snakemake.logging"), Queue()
    handler, listener = QueueHandler(queue), QueueListener(queue, Slow())
    logger.addHandler(handler)
    listener.start()
    try:
        with pytest.raises(SystemExit), one_line_errors():
            for words in ("Job stats:", "total 1"):
                logger.error(words)
            raise ConfigError("no such study")
        assert capsys.readouterr().err.splitlines() == ["Job stats:", "total 1", "error: no such study"]
    finally:
        logger.removeHandler(handler)
        listener.stop()
