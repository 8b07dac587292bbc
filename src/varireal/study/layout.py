"""What a config means for the workflow: its jobs, what they ask for, and when they run again.

The Snakefile asks here and nowhere else. Light: standard library, pydantic and PyYAML; it lists the photos' folder but
opens no photo.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from varireal import attributes
from varireal.backends import check_outside
from varireal.config.edits import uses_pool
from varireal.config.model import Config
from varireal.config.slices import slice_digest, slice_text, stage_slices
from varireal.core.paths import StudyPaths, check_results_folder, dataset_files
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.registry import CAPABILITIES, backend_version, has_zero_shot, is_built_in, known_backend, needs_gpu
from varireal.core.seeds import digest
from varireal.core.stages import TRAINING_STAGES, slice_of
from varireal.datasets.sources import image_source
from varireal.errors import ConfigError
from varireal.hosted.address import address_problem
from varireal.judges.questions import questions_digest, read_questions
from varireal.judges.reviewed import review_digest
from varireal.models.lock import as_locked
from varireal.prompts.bank import find_bank, load_bank, prompts_for, prompts_origin
from varireal.prompts.checks import check_prompts
from varireal.prompts.class_file import planned_digests, read_class_file, setting_digests
from varireal.prompts.instructions import templates_digest
from varireal.prompts.reading import nearest
from varireal.records import ClassInfo, Prompt
from varireal.statistics.prediction_measures import FURTHER, load_measure, measure_version
from varireal.study.jobs import Job, Shape
from varireal.study.needs import Needs, classifier_needs, stage_needs, train_photos


class Layout:
    """The jobs of one study."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.paths = StudyPaths(os.path.normpath(f"{config.study.results}/{config.study.name}"))
        self._jobs: dict[str, list[Job]] = {}
        self._outputs: dict[str, list[str]] = {}

    @cached_property
    def classes(self) -> dict[str, str]:
        """Class id to display name, in the order of the ids.

        Raises:
            ConfigError: the image source cannot be listed, or has no classes.
        """
        return image_source(self.config.images).classes()

    @cached_property
    def listing_digest(self) -> str:
        """Changes when a photo is added, removed or edited; constant for rendered images."""
        return image_source(self.config.images).listing_digest()

    @cached_property
    def shape(self) -> Shape:
        """What decides which jobs there are."""
        config = self.config
        return Shape(
            classes=list(self.classes),
            asks=self.asks,
            attributes=config.edits.attributes,
            shards=config.study.shards,
            rounds=config.edits.rounds,
            per_image=config.edits.per_image,
            pooled=[attribute for attribute in config.edits.attributes if uses_pool(config.edits, attribute)],
            regimes=config.adapters.regimes,
            all_of=config.adapters.all_of,
            zero_shot=has_zero_shot(config.adapters.learner),
            seeds=config.adapters.seeds,
            training_jobs=config.adapters.jobs,
        )

    @property
    def shards(self) -> list[str]:
        """Names of all shards."""
        return self.shape.shard_names or []

    @cached_property
    def settings(self) -> list[tuple[str, str]]:
        """Every (attribute, feasibility), in the order of the config."""
        return self.shape.settings or []

    def jobs(self, stage: str) -> list[Job]:
        """The jobs of a stage."""
        if stage not in self._jobs:
            self._jobs[stage] = self.shape.jobs(stage) or []
        return self._jobs[stage]

    def outputs(self, stage: str) -> list[str]:
        """What all jobs of a stage write for those behind it, in a fixed order."""
        if stage not in self._outputs:
            self._outputs[stage] = self.below(path for job in self.jobs(stage) for path in job.outputs)
        return self._outputs[stage]

    def below(self, paths: Iterable[str]) -> list[str]:
        """Paths below the study's folder, as Snakemake has them."""
        return [f"{self.paths.root}/{path}" for path in paths]

    @cached_property
    def _slices(self) -> dict[str, tuple[str, str]]:
        config, licences = as_locked(self.config)
        slices = stage_slices(config, self.classes, licences)
        return {stage: (slice_text(part), slice_digest(part)) for stage, part in slices.items()}

    def slice(self, stage: str) -> str:
        """The stage's config slice as JSON."""
        return self._slices[stage][0]

    def key(self, stage: str) -> str:
        """What makes a stage's jobs run again: its version, its backend's, and its slice. Goes into rule params."""
        made_by = "".join(f" {name} v{backend_version(kind, name)}" for kind, name in self._counted(stage))
        made_by += f" templates {self._templates}" if stage == "prompts" and self.asks else ""
        made_by += self._judged_by(stage)
        if stage == "report":  # measures of this package have the version of the stage
            made_by += "".join(f" {name} v{measure_version(name)}" for name in self._outside_measures)
        return f"{stage} v{STAGE_VERSIONS[stage]}{made_by} {self._slices[slice_of(stage)][1]}"

    def _counted(self, stage: str) -> Iterator[tuple[str, str]]:
        """Backends whose versions are in the key; the stage's own version stands for sources and exports of ours."""
        for kind, name in self.config.backends(stage):
            if CAPABILITIES[kind].models or not is_built_in(kind, name):
                yield kind, name

    def needs(self, stage: str, runs: Sequence[str] = ()) -> Needs:
        """What a job of masks, priors, edits or verdicts asks a scheduler for, or one of these trainings."""
        if stage in TRAINING_STAGES:
            return classifier_needs(self.config, stage, runs)
        return stage_needs(self.config, stage, self.train_photos)

    def resources(self, stage: str, runs: Sequence[str] = ()) -> dict[str, Any]:
        """The same as ``resources`` of a rule: with each attempt of a job, more memory and time."""
        needs = self.needs(stage, runs)
        return {
            "mem_mb": lambda wildcards, attempt: needs.again(attempt).mem_mb,  # noqa: ARG005 - Snakemake's arguments
            "runtime": lambda wildcards, attempt: needs.again(attempt).runtime,  # noqa: ARG005
            "gpu": needs.gpu,
        }

    def environment(self, stage: str) -> str:
        """Conda environment of the jobs of a stage: the small one when none of its backends loads a model here."""
        loads = any(needs_gpu(*backend) for backend in self.config.backends(stage))
        return "models" if loads else "core"

    @cached_property
    def train_photos(self) -> int:
        """Photos that may be edited."""
        return train_photos(self.config)

    def _judged_by(self, stage: str) -> str:
        """Files that a config only names: the questions, and what a person answered."""
        verdicts = self.config.verdicts
        if stage == "verdicts" and verdicts.asks:
            return f" questions {questions_digest(verdicts.questions, self.config.edits.attributes)}"
        if stage == "dataset" and verdicts.asks and verdicts.reviewed.path is not None:
            return f" reviewed {review_digest(verdicts.reviewed.path)}"
        return ""

    def pool(self, attribute: str, feasibility: str) -> list[str]:
        """The table of prior pictures that edits of a setting draw from; empty when they need none."""
        drawn = uses_pool(self.config.edits, attribute)
        return [self.paths.priors(attribute, feasibility)] if drawn else []

    @property
    def _outside_measures(self) -> list[str]:
        return [name for name in self.config.statistics.measures if name not in FURTHER]

    @property
    def asks(self) -> bool:
        """Whether a language model writes the prompts."""
        return self.config.prompts.source == "openai"

    @cached_property
    def _templates(self) -> str:
        return templates_digest(self.config.prompts.openai.templates, self.config.edits.attributes)

    def score_files(self) -> list[str]:
        """Files with the feasibility score; none when no model judges."""
        return self.paths.scores if self.config.verdicts.asks else []

    def dataset_files(self) -> list[str]:
        """Names of the data files inside the folder of the data set."""
        return dataset_files(self.config.edits.attributes, self.config.study.shards)

    def asking_news(self) -> str:
        """What the job that asks a language model has to do, for the screen; empty when nothing."""
        from varireal.prompts.agenda import open_requests  # here, because every job of a workflow imports this module

        left = open_requests(self.config, self.classes, self.paths)
        if not left.calls:
            return ""
        return (
            f"To ask {self.config.prompts.openai.model} for prompts: at least {left.calls} calls; {left.answers} "
            "answers are kept already ('varireal prompts plan' says more)\n"
        )

    def all_prompts(self) -> list[str]:
        """Every class's prompt file."""
        return [self.paths.prompts(class_id) for class_id in self.classes]

    def all_records(self) -> list[str]:
        """What the stage prompts said of each class's file."""
        return [self.paths.prompts_record(class_id) for class_id in self.classes]

    @cached_property
    def bank_prompts(self) -> dict[str, list[Prompt]]:
        """The bank's prompts by class id, less what the config leaves out; the bank is read once.

        Raises:
            ConfigError: no such bank, a class without prompts, or too few of them.
        """
        bank = load_bank(find_bank(self.config.prompts.bank.path))
        leaves_out = self.config.prompts.leaves_out
        return {
            class_id: [
                prompt
                for prompt in prompts_for(bank, class_id, name)
                if not leaves_out(class_id, prompt.attribute, prompt.feasibility)
            ]
            for class_id, name in self.classes.items()
        }

    def bank_digest(self, class_id: str) -> str:
        """Changes when the bank's prompts for the class change."""
        return self._bank_digests[class_id]

    @cached_property
    def _bank_digests(self) -> dict[str, str]:
        return {
            class_id: digest(*(part for p in prompts for part in (p.prompt_id, p.name, p.description)), size=8)
            for class_id, prompts in self._counted_prompts()
        }

    def _counted_prompts(self) -> Iterator[tuple[str, list[Prompt]]]:
        """The bank's prompts less those of attributes that it was given later and the study does not edit."""
        uncounted = attributes.uncounted(self.config.edits.attributes)
        for class_id, prompts in self.bank_prompts.items():
            yield class_id, [prompt for prompt in prompts if prompt.attribute not in uncounted]

    def prompts_digest(self, attribute: str, feasibility: str) -> str:
        """Changes when the prompts of a setting change in any class, by hand or in the bank.

        With a bank it is the digest of what the files will say once the stage prompts has run, so it is known before.
        What a language model will write is not; then it is the digest of what the files say now.
        """
        if self.asks:
            return digest(*(self._written(class_id)[attribute, feasibility] for class_id in self.classes), size=8)
        return self._prompts_digests[attribute, feasibility]

    def _written(self, class_id: str) -> dict[tuple[str, str], str]:
        path = Path(self.paths.prompts(class_id))
        return setting_digests(read_class_file(path) if path.exists() else ())

    @cached_property
    def _prompts_digests(self) -> dict[tuple[str, str], str]:
        origin = prompts_origin(find_bank(self.config.prompts.bank.path))
        planned = [
            planned_digests(
                Path(self.paths.prompts(class_id)), ClassInfo(class_id, self.classes[class_id]), prompts, origin=origin
            )
            for class_id, prompts in self.bank_prompts.items()
        ]
        return {setting: digest(*(digests[setting] for digests in planned), size=8) for setting in self.settings}

    def wanted_prompts(self, class_id: str) -> dict[tuple[str, str], int]:
        """How many different prompts a class must have, by setting; what the config leaves out is not there."""
        prompts = self.config.prompts
        return {one: prompts.minimum for one in self.settings if not prompts.leaves_out(class_id, *one)}

    def _check_left_out(self) -> None:
        settings = [f"{attribute}/{arm}" for attribute, arm in self.settings]
        for entry in self.config.prompts.leave_out:
            *of_class, attribute, arm = entry.split("/")
            class_id, name = "".join(of_class), f"{attribute}/{arm}"
            if name not in settings:
                raise ConfigError(f"prompts.leave_out: {name!r} is no setting of this study{nearest(name, settings)}")
            if class_id and class_id not in self.classes:
                known = list(self.classes)
                raise ConfigError(f"prompts.leave_out: no class has the id {class_id!r}{nearest(class_id, known)}")

    def check(self) -> None:
        """Find what can be found before any job starts: classes without prompts, broken banks and prompt files.

        Raises:
            BackendError: what another package brings cannot be used, or not with these options.
            ConfigError: the first problem, in one line.
        """
        check_outside(self.config)
        self._check_left_out()
        for class_id, prompts in () if self.asks else self.bank_prompts.items():
            wanted = self.wanted_prompts(class_id)
            problems = check_prompts(prompts, noun=self.config.images.noun, class_names=self.classes, minimum=wanted)
            errors = [problem for problem in problems if problem.severity == "error"]
            if errors:
                more = f" (and {len(errors) - 1} more: varireal prompts check)" if len(errors) > 1 else ""
                raise ConfigError(f"bank {self.config.prompts.bank.path}: {errors[0].message}{more}")
        for attribute, feasibility in self.settings:
            self.prompts_digest(attribute, feasibility)  # reads every prompt file that a person may have edited
        check_results_folder(Path(self.paths.root))
        self._judged_by("dataset")  # a review that is not there
        as_locked(self.config)  # a damaged lock, or one of other revisions than the config's
        for place, block in self.config.hosted():
            wrong = address_problem(block.server)
            if wrong:
                raise ConfigError(f"{place}.server.base_url: {wrong}")
        if self.config.verdicts.asks:
            read_questions(self.config.verdicts.questions, self.config.edits.attributes)
        self._check_masks()
        for name in self._outside_measures:
            load_measure(name)

    def _check_masks(self) -> None:
        images = self.config.images
        if known_backend("image_sources", images.source).masks != "some" or self.config.masks.chain != ("provided",):
            return
        if not any(item.mask_path for item in image_source(images).items()):
            where = f"{images.csv.path} names no mask; add a column 'mask'"
            raise ConfigError(
                f"masks.backend is 'provided', but {where if images.source == 'csv' else f'{images.source} has none'}"
                ", or use masks.backend: grounded_sam2 or grabcut"
            )
