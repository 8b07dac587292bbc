"""The path grammar of a study, stated once: rules, stages, commands and tests all ask here.

Everything lies under ``{results}/{study}/``. Arguments may be Snakemake wildcards such as ``"{shard}"``.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal import names
from varireal.errors import ConfigError

SLICES = ".slices"  # folder of the slices that the config has had, by digest
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json", "training.json")


def shard_name(index: int, total: int) -> str:
    """``00003-of-00016``; counting starts at 0."""
    return f"{index:05d}-of-{total:05d}"


def run_name(regime: str, seed: int) -> str:
    """Name of one training: ``real/seed0``."""
    return f"{regime}/seed{seed}"


def parse_run(name: str) -> tuple[str, int]:
    """Regime and seed of a training's name.

    Raises:
        ConfigError: the text is not such a name.
    """
    regime, _, seed = name.partition("/seed")
    if not regime or not seed.isdigit():
        raise ConfigError(f"{name!r} is not a training such as real/seed0")
    return regime, int(seed)


def read_slice_json(root: Path, name: str) -> dict[str, Any]:
    """A slice of a study as it is on disk; empty when it cannot be read."""
    try:
        part = json.loads((root / "config" / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return part if isinstance(part, dict) else {}


def check_results_folder(root: Path) -> None:
    """Refuse a place where no results can be written.

    Raises:
        ConfigError: a parent is a file or cannot be written, or the path starts with ``~``.
    """
    if root.parts[:1] == ("~",):
        raise ConfigError(f"study.results: {str(root.parent)!r} starts with '~', which nothing expands; write it out")
    existing = next((place for place in (root, *root.parents) if place.exists()), Path())
    if not existing.is_dir():
        raise ConfigError(f"study.results: {existing} is not a folder, so {root} cannot be made")
    if not os.access(existing, os.W_OK | os.X_OK) or str(existing.resolve()).startswith(("/proc", "/sys")):
        raise ConfigError(f"study.results: {existing} cannot be written, so {root} cannot be made")


def parse_shard(name: str) -> tuple[int, int]:
    """Index and total of a shard name.

    Raises:
        ConfigError: the text is not a shard name.
    """
    index, _, total = name.partition("-of-")
    if not (len(index) == len(total) == 5 and index.isdigit() and total.isdigit() and int(index) < int(total)):
        raise ConfigError(f"{name!r} is not a shard name such as 00000-of-00001")
    return int(index), int(total)


def store_name(table: str) -> str:
    """Name of the item store of the job that writes a table, from the table's path below the study's folder."""
    return table.removesuffix(".parquet").replace("/", "-")


@dataclass(frozen=True, slots=True)
class StudyPaths:
    """Paths of one study, as strings relative to the working directory.

    Attributes:
        root: ``{results}/{study}``.
    """

    root: str

    def config(self, stage: str) -> str:
        """The stage's slice of the validated config."""
        return f"{self.root}/config/{stage}.json"

    def earlier_slice(self, digest: str) -> str:
        """A slice that some stage has, or had before the config changed; tables name it by this digest."""
        return f"{self.root}/config/{SLICES}/{digest}.json"

    @property
    def started(self) -> str:
        """What the study's workflow was last started with."""
        return f"{self.root}/logs/workflow.started"

    @property
    def module_config(self) -> str:
        """The config of a study that is a module of another workflow, as the module was given it."""
        return f"{self.root}/logs/workflow.config.yaml"

    @property
    def images(self) -> str:
        """Every usable image, one row each."""
        return f"{self.root}/images.parquet"

    @property
    def rejects(self) -> str:
        """Every input that is not usable, one row each, with code and message."""
        return f"{self.root}/rejects.parquet"

    @property
    def photos(self) -> str:
        """Folder of the pictures that a rendering source makes."""
        return f"{self.root}/photos"

    def prompts(self, class_id: str) -> str:
        """The prompts of one class, readable and editable."""
        return f"{self.root}/prompts/{class_id}.yaml"

    def prompts_record(self, class_id: str) -> str:
        """What the prompts stage said when it last wrote the class's file."""
        return f"{self.root}/prompts/.record/{class_id}.json"

    @property
    def prompts_folder(self) -> str:
        """Folder of the prompt files, with records and raw answers of a language model."""
        return f"{self.root}/prompts"

    def seen_prompts(self, digest: str) -> str:
        """Texts of a setting's prompts that edits were made with, by their digest."""
        return f"{self.root}/prompts/.seen/{digest}.json"

    @property
    def prompts_usage(self) -> str:
        """What asking a language model cost."""
        return f"{self.root}/prompts/.record/usage.json"

    def masks(self, shard: str) -> str:
        """Masks of the train images of one shard."""
        return f"{self.root}/masks/{shard}.parquet"

    def priors(self, attribute: str, feasibility: str) -> str:
        """Prior pictures of a setting's prompts, shared by all photos."""
        return f"{self.root}/priors/{attribute}/{feasibility}.parquet"

    def edits(self, attribute: str, feasibility: str, round_: int | str, shard: str) -> str:
        """Candidates of one setting, round and shard."""
        return f"{self.root}/edits/{attribute}/{feasibility}/round{round_}/{shard}.parquet"

    def verdicts(self, attribute: str, feasibility: str, round_: int | str, shard: str) -> str:
        """Verdicts on the candidates of the same name."""
        return f"{self.root}/verdicts/{attribute}/{feasibility}/round{round_}/{shard}.parquet"

    def every_mask(self, shards: int) -> list[str]:
        """The masks of all shards."""
        return [self.masks(shard_name(index, shards)) for index in range(shards)]

    def every_edit(self, attributes: Sequence[str], shards: int, rounds: int) -> list[str]:
        """All tables of candidates, by setting, shard and round."""
        return [self.edits(*parts) for parts in _parts(attributes, shards, rounds)]

    def every_verdict(self, attributes: Sequence[str], shards: int, rounds: int) -> list[str]:
        """All tables of verdicts, in the order of ``every_edit``."""
        return [self.verdicts(*parts) for parts in _parts(attributes, shards, rounds)]

    @property
    def dataset(self) -> str:
        """Folder of the data set: Parquet, card, manifest."""
        return f"{self.root}/dataset"

    @property
    def manifest(self) -> str:
        """Every candidate of the study with its outcome."""
        return f"{self.dataset}/manifest.parquet"

    @property
    def funnel(self) -> str:
        """Counts per class and setting: wanted, made, accepted, short."""
        return f"{self.dataset}/funnel.parquet"

    @property
    def counts(self) -> str:
        """The funnel as CSV."""
        return f"{self.dataset}/funnel.csv"

    @property
    def scores(self) -> list[str]:
        """The feasibility score of each setting, as a table and as CSV; where a model judged."""
        return [f"{self.dataset}/feasibility.parquet", f"{self.dataset}/feasibility.csv"]

    @property
    def card(self) -> str:
        """The data card."""
        return f"{self.dataset}/README.md"

    @property
    def report(self) -> str:
        """Folder of the report and gallery."""
        return f"{self.root}/report"

    @property
    def report_copy(self) -> str:
        """The page in one file, as much as Snakemake's report can hold."""
        return f"{self.root}/report.html"

    def adapter(self, regime: str, seed: int) -> str:
        """Folder of one trained adapter: PEFT files, and ``training.json`` beside them."""
        return f"{self.root}/adapters/{run_name(regime, seed)}"

    def adapter_files(self, regime: str, seed: int) -> list[str]:
        """Files of one trained adapter."""
        return [f"{self.adapter(regime, seed)}/{name}" for name in ADAPTER_FILES]

    def predictions(self, regime: str, seed: int) -> str:
        """Predictions of one regime and seed on every test set."""
        return f"{self.root}/predictions/{run_name(regime, seed)}.parquet"

    def store(self, name: str) -> str:
        """Item store of one writer; never a declared output, so that it survives a failed job."""
        return f"{self.root}/store/{name}.sqlite"

    def store_of(self, table: str) -> str:
        """Item store of the job that writes a table of masks, priors, edits or verdicts."""
        return self.store(store_name(table.removeprefix(f"{self.root}/")))

    def log(self, name: str) -> str:
        """Log of one job."""
        return f"{self.root}/logs/{name}.log"


def setting(attribute: str, feasibility: str) -> str:
    """Name of a setting for people: ``color/feasible``."""
    return f"{attribute}/{feasibility}"


def _parts(attributes: Sequence[str], shards: int, rounds: int) -> list[tuple[str, str, int, str]]:
    return [
        (attribute, feasibility, round_, shard_name(index, shards))
        for attribute in attributes
        for feasibility in names.FEASIBILITIES
        for index in range(shards)
        for round_ in range(rounds)
    ]


def dataset_files(attributes: tuple[str, ...], shards: int) -> list[str]:
    """File names of the data set inside ``dataset/``, one per setting and shard, in a fixed order."""
    settings = [(a, f) for a in attributes for f in names.FEASIBILITIES]
    total = len(settings) * shards
    return [f"data/train-{index:05d}-of-{total:05d}.parquet" for index in range(total)]
