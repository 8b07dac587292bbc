"""``varireal init``: a study to start from, with what can be told of the photos already filled in."""

import logging
import shlex
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import yaml
from slugify import slugify

from varireal import names
from varireal.config.generate import one_line_yaml
from varireal.config.model import Config, parse_config
from varireal.config.slices import ImagesSlice
from varireal.core.files import few, write_whole
from varireal.datasets.sources import StudySource, image_source
from varireal.errors import ConfigError
from varireal.models.catalog import needed_models
from varireal.models.lock import Lock
from varireal.prompts.bank import Bank, load_bank, prompts_for, shipped_bank, shipped_banks
from varireal.records import SourceImage
from varireal.running.logs import SUMMARY
from varireal.stages.images import look, sort_out
from varireal.store.items import open_store
from varireal.tools.doctor import PRESENT, extra_states, model_states

logger = logging.getLogger(__name__)

# Photos that are opened, spread evenly over all; 600 of usual size take about 10 s.
_MOST_OPENED = 600
_FEW_TRAIN, _FEW_TEST = 10, 5
_MOST_CLASSES = 20
_EVERYDAY = "everyday"


@dataclass(frozen=True, slots=True)
class SeenPhotos:
    """What was seen of photos.

    Attributes:
        source: how they are read: ``folder`` or ``csv``.
        path: where they are, as the user gave it.
        classes: class id to display name.
        splits: the photos of each split that the files say, by display name; ``""`` is for those that say none.
        masks: photos that bring a mask.
        warnings: what a person should know, a line each.
    """

    source: str
    path: Path
    classes: Mapping[str, str]
    splits: Mapping[str, Counter[str]]
    masks: int
    warnings: tuple[str, ...]

    @property
    def total(self) -> int:
        """All files that claim to be photos."""
        return sum(counts.total() for counts in self.splits.values())


def run(*, folder: Path, photos: Path | None = None) -> int:
    """Write a study into a folder and say what to do next.

    Args:
        folder: the new study's; its name becomes the study's.
        photos: a folder of class folders, or a list in CSV; None: ``photos`` in the study's folder, if there.

    Raises:
        ConfigError: the folder has a study, or the photos cannot be read. Nothing is written then.
    """
    study, bank = folder / "study.yaml", folder / "bank.yaml"
    for path in (study, bank):
        if path.exists():
            raise ConfigError(f"{path} is there already, and stays; give another folder, or remove it")
    place = photos or folder / "photos"
    seen = look_at(place) if photos is not None or place.is_dir() else None
    name = slugify(folder.resolve().name, max_length=60, separator="_", regex_pattern=r"[^a-z0-9_-]+") or "study"
    facts: dict[str, Any] = {
        "file": shlex.quote(str(study)),
        "name": name,
        "source": "folder",
        "path": place,
        "noun": "object",
    }
    facts |= {"bank": _EVERYDAY, "bank_note": "ships with the package, or the path of a bank of your own"}
    facts |= {"segmenter": "grabcut", "segmenter_note": "without a model; grounded_sam2 finds the object by its name"}
    unknown: list[str] = []
    if seen is not None:
        chosen, unknown = choose_bank(seen.classes)
        facts |= {"source": seen.source, "bank": bank if chosen is None else chosen.path.stem}
        facts |= {"noun": "object" if chosen is None else chosen.noun}
        facts |= {"bank_note": "fill it in; or the name of a bank that ships with the package"} if unknown else {}
        facts |= dict(zip(("segmenter", "segmenter_note"), choose_segmenter(seen), strict=True))
    text = _study_text(facts)
    parse_config(yaml.safe_load(text), place=str(study))
    folder.mkdir(parents=True, exist_ok=True)
    if unknown and seen is not None:
        write_whole(bank, bank_text(name, seen.classes, unknown))
    write_whole(study, text)
    for line in [*(report_lines(seen, facts) if seen else []), *next_steps(study, place, seen, bank, unknown)]:
        logger.log(SUMMARY, "%s", line)
    return 0


def _study_text(facts: Mapping[str, Any]) -> str:
    template = resources.files("varireal").joinpath("assets", "init", "study.yaml.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - YAML
    quoted = {key: one_line_yaml(str(facts[key])) for key in ("path", "bank", "noun")}
    return environment.from_string(template).render({**facts, **quoted})


def look_at(path: Path) -> SeenPhotos:
    """Read the photos as the stage images does, as far as that is quick.

    Args:
        path: a folder of class folders, or a list in CSV.

    Raises:
        ConfigError: it is not there, or not laid out as expected.
    """
    source = "csv" if path.is_file() else "folder"
    config = Config.model_validate({"images": {"source": source, source: {"path": str(path)}, "noun": "object"}})
    reader: StudySource = image_source(config.images)
    classes, items = reader.classes(), list(reader.items())
    splits: dict[str, Counter[str]] = {}
    for item in items:
        splits.setdefault(item.split or "", Counter())[item.class_name] += 1
    opened = items[:: -(-len(items) // _MOST_OPENED)] if items else []
    warnings = [*_file_warnings(opened, len(items), config), *_count_warnings(classes.values(), splits, config)]
    masks = sum(item.mask_path is not None for item in items)
    return SeenPhotos(source, path, classes, splits, masks, tuple(warnings))


def _file_warnings(opened: Sequence[SourceImage], total: int, config: Config) -> Iterator[str]:
    """Files that the stage images would refuse, by their reason."""
    part = ImagesSlice(seed=config.study.seed, images=config.images.chosen())
    if len(opened) < total:
        yield f"{len(opened)} of {total} files were opened; the study opens all, and says what is wrong with each"
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "init.sqlite") as store:
        usable, refused, facts = sort_out([look(item, config.images.reading, store) for item in opened], part)
    reasons: dict[str, list[dict[str, Any]]] = {}
    for row in refused:
        reasons.setdefault(row["status"], []).append(row)
    for status, rows in sorted(reasons.items()):
        files = "1 file is" if len(rows) == 1 else f"{len(rows)} files are"
        yield f"{files} not used, {status}: {rows[0]['key']}: {rows[0]['reason']}"
    near = [item.key for item in usable if any("nearly" in note for note in facts[item.key]["notes"])]
    if near:
        yield f"{len(near)} photos nearly equal another one of their split, which adds little: {few(near, 2)}"


def _count_warnings(classes: Any, splits: Mapping[str, Counter[str]], config: Config) -> Iterator[str]:
    drawn = splits.get("", Counter()) + splits.get(names.TRAIN, Counter())
    for split, share in ((names.TEST, config.images.test_fraction), (names.VAL, config.images.val_fraction)):
        if split not in splits:
            yield f"no {split} photos are named: {share:.0%} of each class are drawn for it (images.{split}_fraction)"
    small = [f"{name} ({drawn[name]})" for name in classes if drawn[name] < _FEW_TRAIN]
    if small:
        yield f"few photos to edit, fewer than {_FEW_TRAIN}: {few(small)}; differences will hardly be told from chance"
    if names.TEST in splits:
        small = [f"{name} ({splits[names.TEST][name]})" for name in classes if splits[names.TEST][name] < _FEW_TEST]
        if small:
            yield f"few test photos, fewer than {_FEW_TEST}: {few(small)}; accuracies will be coarse"


def choose_bank(classes: Mapping[str, str]) -> tuple[Bank | None, list[str]]:
    """A shipped bank that has all classes, and the classes that no bank has when there is none.

    Args:
        classes: class id to display name.
    """
    banks = [bank for bank in map(load_bank, shipped_banks()) if bank.classes]
    for bank in banks:
        if not _missing(bank, classes):
            return bank, []
    everyday = next(bank for bank in banks if bank.path.stem == _EVERYDAY)
    return None, _missing(everyday, classes)


def _missing(bank: Bank, classes: Mapping[str, str]) -> list[str]:
    def known(class_id: str, name: str) -> bool:
        try:
            return bool(prompts_for(bank, class_id, name))
        except ConfigError:
            return False

    return [name for class_id, name in classes.items() if not known(class_id, name)]


def choose_segmenter(seen: SeenPhotos) -> tuple[str, str]:
    """What finds the objects here and now, and a word on it: masks that came along, models if they are here."""
    if seen.masks == seen.total:
        return "provided", "the masks of the list"
    named = Config.model_validate({"masks": {"backend": "grounded_sam2"}})
    models = [need for need in needed_models(named) if need.key.startswith("masks")]
    missing = [state.id for state in model_states(models, Lock(), verify=False) if state.state != PRESENT]
    extras = [extra for state in extra_states(named) if "grounded_sam2" in state.needed_by for extra in state.missing]
    if not missing and not extras:
        return "grounded_sam2", "finds the object by its name; its models are here"
    lacks = few([*missing, *extras], 2)
    return "grabcut", f"without a model, for one object before a calm background; grounded_sam2 lacks {lacks}"


def bank_text(name: str, classes: Mapping[str, str], unknown: Sequence[str]) -> str:
    """A bank of these classes to fill in: the shared prompts and known classes of ``everyday``, the others empty."""
    everyday = load_bank(shipped_bank(_EVERYDAY))
    shared = [(entry.attribute, entry.feasibility, entry.name, entry.description) for entry in everyday.shared]
    lines = [
        f"# Prompts of the study {name}, to fill in: each class needs feasible and infeasible ones of each attribute.",
        "# feasible: a real member of the class could look like this; infeasible: none could. What is under 'shared'",
        "# holds for every class. An entry is a name, or a name with one sentence:",
        "#   - {name: rusty red, description: Dull red paint that has begun to rust.}",
        f"dataset: {name}",
        "noun: object",
        "",
        *_block_lines("shared", shared, "")[1:],
        "",
        "classes:",
    ]
    for class_id, shown in classes.items():
        prompts = [] if shown in unknown else prompts_for(everyday, class_id, shown)
        texts = [(prompt.attribute, prompt.feasibility, prompt.name, prompt.description) for prompt in prompts]
        lines += _block_lines(shown, [text for text in texts if text not in shared], "  ")
    return "\n".join(lines) + "\n"


def _block_lines(key: str, texts: Sequence[tuple[str, str, str, str]], pad: str) -> list[str]:
    """A block of prompts (attribute, arm, name, description); arms without prompts are there to be filled in."""
    lines = ["", f"{pad}{one_line_yaml(key)}:"]
    for attribute in Config().edits.attributes:
        lines.append(f"{pad}  {attribute}:")
        for arm in names.FEASIBILITIES:
            here = [{"name": text[2], "description": text[3]} for text in texts if text[:2] == (attribute, arm)]
            lines.append(f"{pad}    {arm}:{'' if here else ' []'}")
            lines += [f"{pad}      - {one_line_yaml(entry)}" for entry in here]
    return lines


def report_lines(seen: SeenPhotos, facts: Mapping[str, Any]) -> Iterator[str]:
    """What was seen of the photos."""
    layout = "with splits" if set(seen.splits) - {""} else "without splits"
    yield f"{seen.path}: {seen.total} photos of {len(seen.classes)} classes, {layout}"
    heads = {split: split or "photos" for split in sorted(seen.splits, key=_place)}
    width = max(len("class"), *(len(name) for name in seen.classes.values()))
    yield f"  {'class':<{width}}" + "".join(f"{head:>{len(head) + 2}}" for head in heads.values())
    for name in [*seen.classes.values()][:_MOST_CLASSES]:
        counts = "".join(f"{seen.splits[split][name]:>{len(head) + 2}}" for split, head in heads.items())
        yield f"  {name:<{width}}{counts}"
    if len(seen.classes) > _MOST_CLASSES:
        yield f"  and {len(seen.classes) - _MOST_CLASSES} more classes"
    yield f"masks: {facts['segmenter']}, {facts['segmenter_note']}"
    yield from (f"warning: {line}" for line in seen.warnings)


def _place(split: str) -> tuple[int, str]:
    order = ("", names.TRAIN, names.VAL, names.TEST)
    return order.index(split) if split in order else len(order), split


def next_steps(study: Path, place: Path, seen: SeenPhotos | None, bank: Path, unknown: Sequence[str]) -> Iterator[str]:
    """What was written, and the next command."""
    yield f"written: {study}{f' and {bank}' if unknown else ''}"
    if seen is None:
        yield f"next: put photos into {place}/CLASS/, or change images in {study}, then"
    elif unknown:
        yield (
            f"warning: no shipped bank has prompts for {few(unknown)}: fill in {bank}, or let a language model write "
            f"all prompts (prompts.source: openai in {study})"
        )
        yield f"next: fill in {bank}, then"
    yield f"{'' if seen is None or unknown else 'next: '}varireal config check --configfile {shlex.quote(str(study))}"
