"""What a config means for the workflow: which jobs there are, what they read and write, when they run again.

The Snakefile asks here and nowhere else. Light: standard library, pydantic and PyYAML; it lists the photos' folder but
opens no photo.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from varireal import names
from varireal.config.edits import uses_pool
from varireal.config.model import Config
from varireal.config.regimes import ZERO_SHOT, Regime, chosen_regimes
from varireal.config.slices import slice_digest, slice_text, stage_slices
from varireal.core.paths import StudyPaths, check_results_folder, dataset_files, parse_run, run_name, shard_name
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.registry import backend_extra, backend_version
from varireal.core.seeds import digest
from varireal.datasets.sources import file_source, image_source
from varireal.errors import ConfigError
from varireal.judges.questions import questions_digest, read_questions
from varireal.judges.reviewed import review_digest
from varireal.models.lock import as_locked
from varireal.prompts.bank import find_bank, load_bank, prompts_for, prompts_origin
from varireal.prompts.checks import check_prompts
from varireal.prompts.class_file import planned_digests, read_class_file, setting_digests
from varireal.prompts.instructions import templates_digest
from varireal.records import ClassInfo, Prompt
from varireal.study.needs import Needs, backends, classifier_needs, stage_needs, train_photos


class Layout:
    """The jobs of one study."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.paths = StudyPaths(os.path.normpath(f"{config.study.results}/{config.study.name}"))

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
    def shards(self) -> list[str]:
        """Names of all shards."""
        total = self.config.study.shards
        return [shard_name(index, total) for index in range(total)]

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Every (attribute, feasibility), in the order of the config."""
        return [(a, f) for a in self.config.edits.attributes for f in names.FEASIBILITIES]

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
        made_by = "".join(f" {name} v{backend_version(kind, name)}" for kind, name in backends(self.config, stage))
        made_by += f" templates {self._templates}" if stage == "prompts" and self.asks else ""
        made_by += self._judged_by(stage)
        part = "edits" if stage == "priors" else stage
        return f"{stage} v{STAGE_VERSIONS[stage]}{made_by} {self._slices[part][1]}"

    def job(self, stage: str) -> Needs:
        """What a job of masks, priors, edits or verdicts asks a scheduler for."""
        return stage_needs(self.config, stage, self.train_photos)

    def classifier_job(self, stage: str, runs: Sequence[str]) -> Needs:
        """What a job of adapters or predictions asks for."""
        return classifier_needs(self.config, stage, runs)

    def environment(self, stage: str) -> str:
        """Conda environment of the jobs of a stage: the small one when none of its backends loads a model here."""
        loads = any(backend_extra(*backend) == "diffusion" for backend in backends(self.config, stage))
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

    def all_pools(self) -> list[str]:
        """Every table of prior pictures."""
        return [path for setting in self.settings for path in self.pool(*setting)]

    @property
    def asks(self) -> bool:
        """Whether a language model writes the prompts."""
        return self.config.prompts.source == "openai"

    @cached_property
    def _templates(self) -> str:
        return templates_digest(self.config.prompts.openai.templates)

    def all_edits(self) -> list[str]:
        """Every table of candidates, in a fixed order."""
        return self.paths.every_edit(self.config.edits.attributes, self.config.study.shards, self.config.edits.rounds)

    def all_verdicts(self) -> list[str]:
        """Every table of verdicts, in the order of ``all_edits``."""
        return self.paths.every_verdict(
            self.config.edits.attributes, self.config.study.shards, self.config.edits.rounds
        )

    def score_files(self) -> list[str]:
        """Files with the feasibility score; none when no model judges."""
        return self.paths.scores if self.config.verdicts.asks else []

    def dataset_files(self) -> list[str]:
        """Names of the data files inside the folder of the data set."""
        return dataset_files(self.config.edits.attributes, self.config.study.shards)

    @cached_property
    def regimes(self) -> list[Regime]:
        """What classifiers are trained on; empty when none is."""
        return chosen_regimes(self.config.adapters.regimes, self.config.edits.attributes)

    @cached_property
    def trainings(self) -> dict[str, list[str]]:
        """The trainings of each job by its name, such as ``real/seed0``; dealt in turns."""
        total = self.config.adapters.jobs
        seeds = range(self.config.adapters.seeds)
        runs = [run_name(regime.slug, seed) for regime in self.regimes if regime.trained for seed in seeds]
        dealt = {shard_name(number, total): runs[number::total] for number in range(total)}
        return {name: members for name, members in dealt.items() if members}

    @cached_property
    def scorings(self) -> dict[str, list[str]]:
        """The trainings whose predictions each job makes; zero-shot is with the first."""
        jobs = {name: list(members) for name, members in self.trainings.items()}
        if self.regimes:
            first = next(iter(jobs), shard_name(0, self.config.adapters.jobs))
            jobs[first] = [run_name(ZERO_SHOT, 0), *jobs.get(first, [])]
        return jobs

    def adapter_files(self, runs: Sequence[str]) -> list[str]:
        """Files of trained adapters; zero-shot has none."""
        pairs = [parse_run(run) for run in runs]
        return [
            path for regime, seed in pairs if regime != ZERO_SHOT for path in self.paths.adapter_files(regime, seed)
        ]

    def prediction_files(self, runs: Sequence[str]) -> list[str]:
        """Tables of predictions."""
        return [self.paths.predictions(*parse_run(run)) for run in runs]

    def all_adapters(self) -> list[str]:
        """Files of every trained adapter."""
        return [path for runs in self.trainings.values() for path in self.adapter_files(runs)]

    def all_predictions(self) -> list[str]:
        """Every table of predictions."""
        return [path for runs in self.scorings.values() for path in self.prediction_files(runs)]

    def asking_news(self) -> str:
        """What the job that asks a language model has to do, for the screen; empty when nothing."""
        from varireal.prompts.agenda import open_requests  # here, because every job of a workflow imports this module

        found = open_requests(self.config, self.classes, self.paths)
        if not found.calls:
            return ""
        return (
            f"To ask {self.config.prompts.openai.model} for prompts: at least {found.calls} calls; {found.answers} "
            "answers are kept already ('varireal prompts plan' says more)\n"
        )

    def all_prompts(self) -> list[str]:
        """Every class's prompt file."""
        return [self.paths.prompts(class_id) for class_id in self.classes]

    def all_records(self) -> list[str]:
        """What the stage prompts said of each class's file."""
        return [self.paths.prompts_record(class_id) for class_id in self.classes]

    def all_masks(self) -> list[str]:
        """Every table of masks."""
        return self.paths.every_mask(self.config.study.shards)

    @cached_property
    def bank_prompts(self) -> dict[str, list[Prompt]]:
        """The bank's prompts by class id; the bank is read once.

        Raises:
            ConfigError: no such bank, a class without prompts, or too few of them.
        """
        bank = load_bank(find_bank(self.config.prompts.bank.path))
        return {class_id: prompts_for(bank, class_id, name) for class_id, name in self.classes.items()}

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
        uncounted = names.uncounted(self.config.edits.attributes)
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

    def check(self) -> None:
        """Find what can be found before any job starts: classes without prompts, broken banks and prompt files.

        Raises:
            ConfigError: the first problem, in one line.
        """
        wanted = dict.fromkeys(self.settings, self.config.prompts.minimum)
        for prompts in () if self.asks else self.bank_prompts.values():
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
        if self.config.verdicts.asks:
            read_questions(self.config.verdicts.questions, self.config.edits.attributes)
        self._check_masks()

    def _check_masks(self) -> None:
        if self.config.images.source != "csv" or self.config.masks.chain != ("provided",):
            return
        if not any(item.mask_path for item in file_source(self.config.images).items()):
            raise ConfigError(
                f"masks.backend is 'provided', but {self.config.images.csv.path} names no mask; add a column "
                "'mask', or use masks.backend: grounded_sam2 or grabcut"
            )
