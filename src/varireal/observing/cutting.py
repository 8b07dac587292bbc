"""A study cut down to three train photos, for trying its stages."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from varireal import names
from varireal.config.base import StrictModel
from varireal.config.edits import uses_pool
from varireal.config.images import CsvImages, ImagesConfig
from varireal.config.model import Config
from varireal.config.slices import AdaptersSlice, slice_text, stage_slices
from varireal.datasets.sources import file_source
from varireal.errors import ConfigError
from varireal.layout import Layout
from varireal.models.pinning import as_locked
from varireal.paths import StudyPaths
from varireal.prompting.files import read_class_file, write_class_file
from varireal.records import ClassInfo, Prompt

S = TypeVar("S", bound=StrictModel)

_SPLITS = (names.TRAIN, names.TRAIN, names.TRAIN, names.VAL, names.TEST)
_PRIORS = 2


@dataclass
class Cut:
    """The small study.

    Attributes:
        paths: its paths, in a temporary folder.
        slices: its slices by stage.
        machine: file of the machine's slice.
        prompts: its prompt files.
        settings: one arm of every attribute.
        pools: settings of those whose edits draw from a pool.
        judges_pictures: whether the judge looks at pictures.
        idle: stages that the study does not have.
        problems: why a stage cannot be tried, by stage.
    """

    paths: StudyPaths
    slices: dict[str, StrictModel]
    machine: Path
    prompts: list[Path]
    settings: list[tuple[str, str]]
    pools: list[tuple[str, str]]
    judges_pictures: bool
    idle: frozenset[str] = frozenset()
    problems: dict[str, str] = field(default_factory=dict)

    def slice(self, stage: str) -> Any:
        """A stage's slice."""
        return self.slices[stage]

    def training(self, steps: int) -> AdaptersSlice:
        """The slice of the stage adapters for so many steps."""
        found: AdaptersSlice = self.slice("adapters")
        training = found.adapters.training.model_copy(update={"steps": steps, "validate_every": 10_000})
        return found.model_copy(update={"adapters": found.adapters.model_copy(update={"training": training})})


def cut_down(layout: Layout, folder: Path, problems: dict[str, str]) -> Cut:
    """Write the config, photos' list and prompts of the small study.

    Args:
        layout: the whole study.
        folder: where it is put.
        problems: why a stage cannot be tried, by stage; more are added.

    Raises:
        ConfigError: the photos cannot be listed, or there is no train photo.
    """
    whole, _ = as_locked(layout.config)
    images = _few_photos(whole, folder)
    config = _small(whole, images, folder)
    paths = StudyPaths(f"{folder}/results/probe")
    small = Layout(config.model_copy(update={"machine": whole.machine}))
    classes = {class_id: name for class_id, name in small.classes.items() if class_id in layout.classes}
    slices = stage_slices(config, classes)
    machine = Path(paths.config("machine"))
    machine.parent.mkdir(parents=True, exist_ok=True)
    machine.write_text(slice_text(slices["machine"]) + "\n", encoding="utf-8")
    arms: list[tuple[str, str]] = [(attribute, names.FEASIBILITIES[0]) for attribute in config.edits.attributes]
    pools = [(a, f) for a, f in arms if uses_pool(config.edits, a)]
    idle = {"priors"} if not pools else set()
    idle |= set() if config.adapters.regimes else {"adapters", "predictions"}
    judged = config.verdicts.asks or config.verdicts.silhouette.segmenter is not None
    prompts = _prompts(layout, classes, Path(paths.prompts_folder), problems)
    return Cut(paths, slices, machine, prompts, arms, pools, judged, frozenset(idle), problems)


def _few_photos(config: Config, folder: Path) -> ImagesConfig:
    """A list of a few photos; of the demo, fewer are rendered."""
    images = config.images
    if images.source == "demo":
        demo = images.demo.model_copy(update={"species": images.demo.species[:1], "train": 3, "val": 1, "test": 1})
        return images.model_copy(update={"demo": demo, "near_duplicate_distance": None})
    items = sorted(file_source(images).items(), key=lambda item: item.split not in (None, names.TRAIN))
    found = list(islice((item for item in items if item.path.is_file()), len(_SPLITS)))
    if not found:
        raise ConfigError("images: the source lists no file that is there, so nothing can be tried")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "photos.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split", "mask"))
        for item, split in zip(found, _SPLITS, strict=False):
            mask = "" if item.mask_path is None else item.mask_path.absolute()
            writer.writerow((item.path.absolute(), item.class_name, split, mask))
    shown = {item.class_name: item.class_name for item in found}
    update = {"source": "csv", "csv": CsvImages(path=str(folder / "photos.csv")), "class_names": shown}
    return images.model_copy(update=update | {"near_duplicate_distance": None})


def _small(config: Config, images: ImagesConfig, folder: Path) -> Config:
    """One shard, one round, one edit per photo, one picture at a time."""
    edits = config.edits
    pooled = any(uses_pool(edits, attribute) for attribute in edits.attributes)
    sdxl = _with(edits.sdxl, pool_size=_PRIORS) if pooled else edits.sdxl
    return config.model_copy(
        update={
            "study": _with(config.study, name="probe", results=f"{folder}/results", shards=1, max_failed_fraction=1.0),
            "images": images,
            "edits": _with(edits, per_image=1, rounds=1, batch_size=1, sdxl=sdxl),
            "machine": _with(config.machine, batch_size=1),
            "budget": type(config.budget)(),
        }
    )


def _with(block: S, **changes: Any) -> S:
    return block.model_copy(update=changes)


def _prompts(layout: Layout, classes: dict[str, str], folder: Path, problems: dict[str, str]) -> list[Path]:
    """Prompt files of the classes, with the first prompts of each setting."""
    found = []
    for class_id, name in classes.items():
        prompts = known_prompts(layout, class_id)
        if prompts is None:
            told = "a language model writes the prompts, and has not yet; nothing is sent to plan"
            problems.update(dict.fromkeys(("priors", "edits", "verdicts"), told))
            return []
        path = folder / f"{class_id}.yaml"
        write_class_file(path, ClassInfo(class_id, name), _first(prompts), origin="a probe")
        found.append(path)
    return found


def known_prompts(layout: Layout, class_id: str) -> list[Prompt] | None:
    """The prompts of a class: of its file, else of the bank; None when a language model has yet to write them."""
    path = Path(layout.paths.prompts(class_id))
    if path.exists():
        return read_class_file(path)
    return None if layout.asks else layout.bank_prompts[class_id]


def _first(prompts: Sequence[Prompt]) -> list[Prompt]:
    kept: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        kept.setdefault((prompt.attribute, prompt.feasibility), []).append(prompt)
    return [prompt for members in kept.values() for prompt in members[:2]]
