r"""Dataset: the accepted candidates as a data set, the manifest of all candidates, the shortfall, the data card.

By hand::

    varireal dataset --config results/demo/config/dataset.json --images results/demo/images.parquet \
        --study results/demo --output results/demo/dataset --manifest results/demo/dataset/manifest.parquet \
        --funnel results/demo/dataset/funnel.parquet --card results/demo/dataset/README.md
"""

import csv
import io
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from varireal import names
from varireal.config.slices import DatasetSlice, slice_digest
from varireal.core.files import one_line, write_whole
from varireal.core.paths import dataset_files
from varireal.core.registry import outside_packages
from varireal.errors import DataError
from varireal.exports import check_export, run_export
from varireal.exports.base import with_recipe
from varireal.exports.datacard import CardFacts, Making, render_card
from varireal.judges.feasibility import FeasibilityScore
from varireal.judges.feasibility import as_csv as as_csv_of_scores
from varireal.records import class_numbers
from varireal.reporting.about import SCORES
from varireal.reporting.reasons import by_setting, sums_by_setting, totals
from varireal.running import job_record
from varireal.running.logs import progress
from varireal.running.room import Room
from varireal.stages.common import Summary
from varireal.stages.outcomes import ACCEPTED, Group, Manifest, Outcome, make_groups, manifest_row, read_outcomes
from varireal.store import tables
from varireal.store.schemas import (
    EDITS,
    FEASIBILITY,
    FUNNEL,
    IMAGES,
    MANIFEST,
    MASKS,
    VERDICTS,
    dataset_schema,
    measures_in,
    with_measures,
)

Key = tuple[str, str, str]  # class_id, attribute, feasibility

UNATTEMPTED = "no_candidate"


class Funnel:
    """The shortfall: how many edits of each class and setting were wanted, made and accepted, and why others are not.

    It counts candidates and items, one group of tables at a time; both arms of a shard come one after the other.
    """

    def __init__(self) -> None:
        self._made: Counter[Key] = Counter()
        self._accepted: Counter[Key] = Counter()
        self._lost: dict[Key, Counter[str]] = {}
        self._last: dict[tuple[Key, str, int], tuple[bool, int, str]] = {}
        self._halves: set[str] = set()
        self._pairs: dict[str, int] = {}

    def add(self, outcome: Outcome) -> None:
        """Count a candidate of the group."""
        row = outcome.candidate
        key = (row["class_id"], row["attribute"], row["feasibility"])
        self._made[key] += bool(row["image"])
        accepted = bool(outcome.verdict["accepted"])
        if accepted:
            self._note_pair(row["attribute"], row["pair_id"])
        item = (key, row["image_id"], row["k"])
        now = (accepted, row["round"], outcome.code)
        self._last[item] = max(self._last.get(item, now), now)

    def _note_pair(self, attribute: str, pair_id: str) -> None:
        """An item is accepted once at most, so a pair that is seen again has both of its arms."""
        self._pairs.setdefault(attribute, 0)
        if pair_id in self._halves:
            self._halves.remove(pair_id)
            self._pairs[attribute] += 1
        else:
            self._halves.add(pair_id)

    def end_group(self, *, last_arm: bool) -> None:
        """Settle the items of the group: all their rounds have been added.

        Args:
            last_arm: whether both arms of the shard have been added now.
        """
        for (key, _, _), (accepted, _, code) in self._last.items():
            if accepted:
                self._accepted[key] += 1
            else:
                self._lost.setdefault(key, Counter())[code] += 1
        self._last = {}
        if last_arm:
            self._halves = set()

    def pairs(self) -> dict[str, int]:
        """Pairs of which both arms were accepted, by attribute."""
        return dict(self._pairs)

    def rows(
        self, classes: Mapping[str, str], settings: Sequence[tuple[str, str]], wanted: Mapping[str, int]
    ) -> list[dict[str, Any]]:
        """One row per class and setting.

        Args:
            classes: class id to display name, in the order of the rows.
            settings: (attribute, feasibility), in the order of the rows of a class.
            wanted: edits per setting, by class id.
        """
        return [
            self._row(class_id, name, attribute, feasibility, wanted.get(class_id, 0))
            for class_id, name in classes.items()
            for attribute, feasibility in settings
        ]

    def _row(self, class_id: str, name: str, attribute: str, feasibility: str, wanted: int) -> dict[str, Any]:
        key = (class_id, attribute, feasibility)
        lost = Counter(self._lost.get(key, {}))
        short = wanted - self._accepted[key]
        lost[UNATTEMPTED] += short - lost.total()
        return {
            "class_id": class_id,
            "class_name": name,
            "attribute": attribute,
            "feasibility": feasibility,
            "wanted": wanted,
            "made": self._made[key],
            "accepted": self._accepted[key],
            "short": short,
            "reasons": json.dumps({code: n for code, n in sorted(lost.items()) if n}),
        }


def lines(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What a person reads at the end: a line per setting, below it the classes that are short, and a total."""
    written = []
    for name, members in by_setting(rows).items():
        written.append(_line(name, totals(members)))
        written += [f"  {_line(one_line(row['class_name']), totals([row]))}" for row in members if row["short"]]
    return (*written, _line("all settings", totals(rows)))


def _line(name: str, sums: Mapping[str, Any]) -> str:
    text = f"{name}: {sums['accepted']} of {sums['wanted']} accepted"
    if not sums["short"]:
        return text
    reasons = ", ".join(f"{one_line(code)} {count}" for code, count in sums["reasons"].items())
    return f"{text}, {sums['short']} short: {reasons}"


def _no_formula(text: str) -> str:
    """A spreadsheet would run a cell that starts like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV with a header, the columns of ``FUNNEL``."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FUNNEL.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "class_name": _no_formula(row["class_name"])} for row in rows)
    return buffer.getvalue()


logger = logging.getLogger(__name__)

Row = dict[str, Any]

_DATA_FILE = re.compile(r"train-\d{5}-of-\d{5}\.parquet")
_PHOTO_COLUMNS = ("image_id", "class_id", "split", "sha256", "path")
_MASK_COLUMNS = ("image_id", "mask", "smoothed", "backend", "revision")
_NOT_IN_DATASET = ("status", "reason", "outcome", "reasons")


def run(
    config: DatasetSlice,
    *,
    study: Path,
    images: Path,
    output: Path,
    manifest: Path,
    funnel: Path,
    card: Path,
) -> Summary:
    """Write the data set.

    Args:
        config: the stage's slice.
        study: folder of the study, with its masks, edits and verdicts.
        images: table of images.
        output: folder of the data set; its files are ``paths.dataset_files``. Exports go to ``exports`` beside it.
        manifest: table of every candidate to write.
        funnel: table of counts per class and setting to write; a CSV of the same name is written beside it.
        card: data card to write.

    Where a model judged, ``feasibility.parquet`` and ``.csv`` beside the funnel say how feasible each setting is.

    Raises:
        DataError: a table or the review is damaged, or does not belong to its neighbour.
        BackendError: an export needs a package that is not installed.
    """
    exports = {kind: output.parent / "exports" / kind for kind in config.dataset.exports}
    for kind, folder in exports.items():
        check_export(kind, folder)
    groups = make_groups(config, study)
    score = _feasibility_score(config, groups)
    harvest = _Harvest(config, images, score, manifest.parent, _measures(groups))
    _write_data(config, harvest, groups, output)
    stamp, facts, rows = slice_digest(config), harvest.facts(), harvest.funnel_rows()
    sums = sums_by_setting(rows)
    tables.write(funnel, rows, FUNNEL, stage="dataset", digest=stamp, facts=facts)
    write_whole(funnel.with_suffix(".csv"), as_csv(rows))
    facts |= {"shortfall": sums, "shortfall_by_class": [row for row in rows if row["short"]]}
    schema = harvest.manifest.schema
    tables.write_parts(manifest, harvest.manifest.parts(), schema, stage="dataset", digest=stamp, facts=facts)
    beside = {"manifest": _relative(manifest, card), "funnel": _relative(funnel.with_suffix(".csv"), card)}
    scores = _write_scores(config, score, funnel.with_name(SCORES))
    write_whole(card, render_card(_card_facts(config, harvest, rows, groups, beside, scores, images)))
    for kind, folder in exports.items():
        run_export(kind, output, folder)
    return Summary(dict(harvest.counts), lines=lines(rows))


class _Harvest:
    """One pass over all candidates: the rows of the data set, and beside them what the other files say."""

    def __init__(
        self, config: DatasetSlice, images: Path, score: FeasibilityScore, folder: Path, measures: list[pa.Field]
    ) -> None:
        self._config, self._score = config, score
        self._photos = {row["image_id"]: row for row in tables.stream(images, IMAGES, _PHOTO_COLUMNS, at_once=512)}
        self.classes = dict(sorted(config.classes.items()))  # one without a usable photo is a row of zeros too
        self._labels = class_numbers(self.classes)
        self.measures = measures  # columns that came later
        self.manifest = Manifest(folder, with_measures(MANIFEST, measures))
        self.funnel = Funnel()
        self.counts: Counter[str] = Counter()
        self._made: dict[Path, Row] = {}
        self.prompts: dict[str, Counter[str]] = {}
        self.used: dict[str, set[str]] = {"editors": set(), "segmenters": set(), "judges": set()}

    def facts(self) -> dict[str, Any]:
        """What the metadata of every file of the data set says."""
        config = self._config
        return {
            "study": config.study,
            "seed": config.seed,
            "noun": config.noun,
            "classes": self.classes,
            "license": config.dataset.license,
            "source_license": config.dataset.source_license,
        }

    def accepted(self, group: Group) -> Iterator[Row]:
        """Yield the data set's rows of a group; its other candidates are counted on the way."""
        masks = {row["image_id"]: row for row in tables.stream(group.masks, MASKS, _MASK_COLUMNS)}
        self._made.clear()
        for outcome in read_outcomes(group, per_image=self._config.per_image):
            photo = self._photo(outcome)
            mask = masks.get(photo["image_id"])
            row = manifest_row(outcome, photo, mask, self._score.p_feasible(outcome.verdict["feasible_logit"]))
            self.manifest.add(row)
            self.funnel.add(outcome)
            self.counts[outcome.name] += 1
            self._note(outcome, mask)
            if outcome.name == ACCEPTED:
                self.prompts.setdefault(group.setting, Counter())[row["prompt_name"]] += 1
                yield self._dataset_row(row, outcome, mask, group.masks)
        self.funnel.end_group(last_arm=group.feasibility == names.FEASIBILITIES[-1])

    def _photo(self, outcome: Outcome) -> Row:
        row = outcome.candidate
        photo = self._photos.get(row["image_id"])
        if photo is None or photo["split"] != names.TRAIN or photo["class_id"] != row["class_id"]:
            raise DataError(
                f"{outcome.place}: {row['candidate_id']!r} is an edit of {row['image_id']!r}, which is not a train "
                f"photo of class {row['class_id']!r} in the table of images; run the stage edits again"
            )
        return photo

    def _note(self, outcome: Outcome, mask: Row | None) -> None:
        self.used["editors"].add(outcome.candidate["backend"])
        self.used["judges"].add(outcome.verdict["judge"])
        if mask:
            self.used["segmenters"].add(" ".join(filter(None, (mask["backend"], mask["revision"]))))

    def _dataset_row(self, row: Row, outcome: Outcome, mask: Row | None, place: Path) -> Row:
        data = mask and (mask["smoothed"] or mask["mask"])
        if not data:
            raise DataError(
                f"{place} has no mask of {row['image_id']!r}, but {row['candidate_id']!r} is accepted; "
                "run the stages masks and edits again"
            )
        outline = outcome.candidate["edit_mask"]
        return {
            "image": {"bytes": self._marked(row, outcome), "path": f"{row['candidate_id']}.png"},
            "label": self._labels[row["class_id"]],
            "mask": {"bytes": data, "path": f"{row['image_id']}.png"},
            "edit_mask": outline and {"bytes": outline, "path": f"{row['candidate_id']}.mask.png"},
            **{key: value for key, value in row.items() if key not in _NOT_IN_DATASET},
        }

    def _marked(self, row: Row, outcome: Outcome) -> bytes:
        """The picture with its mark and recipe: here once, so that every copy of the data set has them."""
        place = outcome.place
        if place not in self._made:
            self._made[place] = tables.origin(place, EDITS)
        made, study = self._made[place], self._config.study
        return with_recipe(outcome.candidate["image"], row, study=study, made=made)

    def funnel_rows(self) -> list[Row]:
        """Rows of the funnel, after all groups."""
        config = self._config
        photos = Counter(row["class_id"] for row in self._photos.values() if row["split"] == names.TRAIN)
        wanted = {class_id: count * config.per_image for class_id, count in photos.items()}
        settings = [(a, f) for a in config.attributes for f in names.FEASIBILITIES]
        return self.funnel.rows(self.classes, settings, wanted)


def _write_data(config: DatasetSlice, harvest: _Harvest, groups: Sequence[Group], output: Path) -> None:
    """Write one file per group, and take everything else from the same pass over the pictures."""
    files = [output / name for name in dataset_files(config.attributes, config.shards)]
    schema, stamp, facts = (
        dataset_schema(list(harvest.classes), harvest.measures),
        slice_digest(config),
        harvest.facts(),
    )
    with Room(output, len(files), copies=1) as room:
        pairs = sorted(zip(files, groups, strict=True), key=lambda pair: _by_shard(config, pair[1]))
        for path, group in progress(pairs, logger, "data files", len(pairs)):
            job_record.permit()
            count = tables.write(path, harvest.accepted(group), schema, stage="dataset", digest=stamp, facts=facts)
            logger.info("%s: %d accepted of %s", path.name, count, group.setting)
            room.count(path.stat().st_size)
    _remove_stale(output / "data", {path.name for path in files})


def _by_shard(config: DatasetSlice, group: Group) -> tuple[int, str, int]:
    """Order in which both arms of a shard come one after the other."""
    return config.attributes.index(group.attribute), group.masks.name, names.FEASIBILITIES.index(group.feasibility)


def _measures(groups: Sequence[Group]) -> list[pa.Field]:
    return measures_in([edits for group in groups for edits, _ in group.rounds])


def _feasibility_score(config: DatasetSlice, groups: Sequence[Group]) -> FeasibilityScore:
    tables_of = [(g.attribute, g.feasibility, [verdicts for _, verdicts in g.rounds]) for g in groups]
    return FeasibilityScore(config.reviewed, config.seed, tables_of if config.asked else ())


def _write_scores(config: DatasetSlice, score: FeasibilityScore, path: Path) -> list[Row]:
    """Write the feasibility score of each setting as a table and as CSV; remove them when no model judges any more."""
    rows = score.rows()
    if not config.asked:
        path.unlink(missing_ok=True)
        path.with_suffix(".csv").unlink(missing_ok=True)
        return rows
    facts = {"reviewed": config.reviewed.model_dump(mode="json"), "strangers": score.strangers}
    tables.write(path, rows, FEASIBILITY, stage="dataset", digest=slice_digest(config), facts=facts)
    write_whole(path.with_suffix(".csv"), as_csv_of_scores(rows))
    return rows


def _remove_stale(folder: Path, current: set[str]) -> None:
    """Remove data files that an earlier run with other shards or attributes left: they would be loaded too."""
    for path in sorted(folder.iterdir()):
        if path.name in current or not _DATA_FILE.fullmatch(path.name):
            continue
        try:
            metadata = pq.read_schema(path).metadata or {}
        except (OSError, pa.ArrowInvalid):
            metadata = {}
        if b"varireal" not in metadata:
            raise DataError(f"{path} was not written by this stage but would be loaded with it; move it elsewhere")
        logger.info("removing %s, which an earlier run with other shards left", path)
        path.unlink()


def _making(groups: Sequence[Group]) -> list[Making]:
    """How the tables say that they were made, once per stage and config digest."""
    makings: dict[tuple[str, str], Making] = {}
    pairs = [pair for group in groups for pair in group.rounds]
    tables_by_stage = (
        ("masks", MASKS, dict.fromkeys(group.masks for group in groups)),
        ("edits", EDITS, [edits for edits, _ in pairs]),
        ("verdicts", VERDICTS, [verdicts for _, verdicts in pairs]),
    )
    for stage, schema, paths in tables_by_stage:
        for path in paths:
            origin = tables.origin(path, schema)
            key = (stage, str(origin["config"]))
            more = (origin.get(name) for name in ("gates", "asked", "silhouette"))
            packages = origin["written_with"] | origin.get("packages", {})
            makings.setdefault(key, Making(stage, origin["version"], key[1], packages, *more))
    return list(makings.values())


def _card_facts(
    config: DatasetSlice,
    harvest: _Harvest,
    rows: Sequence[Row],
    groups: Sequence[Group],
    beside: Mapping[str, str],
    scores: Sequence[Row],
    images: Path,
) -> CardFacts:
    return CardFacts(
        config=config,
        digest=slice_digest(config),
        rows=rows,
        settings=sums_by_setting(rows),
        pairs=harvest.funnel.pairs(),
        prompts=harvest.prompts,
        backends={role: sorted(used) for role, used in harvest.used.items()},
        making=_making(groups),
        manifest=beside["manifest"],
        funnel=beside["funnel"],
        scores=scores,
        measures=harvest.measures,
        packages=_outside(config, images),
    )


def _outside(config: DatasetSlice, images: Path) -> dict[str, str]:
    """Version by name of other packages, of what the tables of edits say nothing about: photos and exports."""
    exporters = outside_packages(("exporters", kind) for kind in config.dataset.exports)
    return {**tables.origin(images, IMAGES).get("packages", {}), **exporters.get("packages", {})}


def _relative(path: Path, card: Path) -> str:
    """The path as a link on the card."""
    return Path(os.path.relpath(path, card.parent)).as_posix()
