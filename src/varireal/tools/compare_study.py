"""What differs between two studies, or two versions of one: config, photos, prompts, pictures, acceptance, accuracies.

Everything is read from what lies in their folders. Candidates are matched by their photo's bytes, setting and number,
so that neither a photo's name nor its place counts.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from varireal import names
from varireal.config.slices import ReportSlice, read_slice
from varireal.core.paths import StudyPaths, read_slice_json, setting
from varireal.core.pictures import decode_png
from varireal.core.seeds import stable_int
from varireal.core.stages import STAGES
from varireal.errors import DataError
from varireal.prompts.class_file import read_class_file
from varireal.reporting.study_results import StudyResults, read_results
from varireal.stages.outcomes import ACCEPTED
from varireal.statistics.paired import difference, settle
from varireal.statistics.records import Comparison, DifferenceRow, Interval, TestSetResult
from varireal.store import tables
from varireal.store.schemas import EDITS, FUNNEL, IMAGES, MANIFEST
from varireal.tools.replay import CLOSE, EQUAL, compare
from varireal.tools.why_sources import changed_keys

Match = tuple[Any, ...]  # photo's bytes, attribute, arm, k, round

MOST_DECODED = 2000  # pairs of pictures with other bytes that are looked at; reading one takes some 10 ms

_MATCHED_BY = ("source_sha256", "attribute", "feasibility", "k", "round")
_COUNTED = ("wanted", "accepted")
_FAMILY = "between the studies"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key of the config that differs, with its values as JSON; empty where a study has no such key."""

    key: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Shared:
    """How much two lists have in common.

    Attributes:
        what: of which things, such as ``photos of train``.
        both: in both.
        only_a: in the first alone.
        only_b: in the second alone.
        examples_a: some that are in the first alone, for people.
        examples_b: some that are in the second alone.
    """

    what: str
    both: int
    only_a: int
    only_b: int
    examples_a: tuple[str, ...] = ()
    examples_b: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingComparison:
    """A setting in both studies.

    Attributes:
        setting: such as ``color/feasible``.
        wanted: items, in each study; None where it has no such setting.
        accepted: items with an accepted candidate, in each.
        equal: matched candidates whose pictures have the same bytes.
        alike: those whose pixels are within the tolerance of ``varireal replay``.
        other: those that are other pictures.
        not_looked_at: those with other bytes that were not decoded, because there are too many.
        only_a: candidates with a picture that the second study lacks.
        only_b: the reverse.
        accepted_both: matched candidates that both accept.
        accepted_a: that the first alone accepts.
        accepted_b: that the second alone accepts.
    """

    setting: str
    wanted: tuple[int | None, int | None]
    accepted: tuple[int | None, int | None]
    equal: int = 0
    alike: int = 0
    other: int = 0
    not_looked_at: int = 0
    only_a: int = 0
    only_b: int = 0
    accepted_both: int = 0
    accepted_a: int = 0
    accepted_b: int = 0


@dataclass(frozen=True, slots=True)
class AccuracyComparison:
    """A regime on a test set in both studies.

    Attributes:
        regime: its name for people.
        test_set: its name.
        a: top-1 of the first study on its own pictures, with interval.
        b: of the second.
        pictures: test pictures that are the same in both.
        difference: second less first on those; None where there is no common picture.
        same: whether both gave the same answer to every common picture, in every seed.
    """

    regime: str
    test_set: str
    a: Interval
    b: Interval
    pictures: int
    difference: DifferenceRow | None
    same: bool = False


@dataclass(frozen=True, slots=True)
class StudyComparison:
    """Everything that was compared.

    Attributes:
        a: folder of the first study.
        b: folder of the second.
        config: keys that differ.
        photos: photos by split.
        prompts: prompts by setting.
        settings: acceptance and pictures by setting.
        accuracies: regimes that both have, by test set.
        notes: what could not be compared, and why.
    """

    a: str
    b: str
    config: tuple[KeyChange, ...]
    photos: tuple[Shared, ...]
    prompts: tuple[Shared, ...]
    settings: tuple[SettingComparison, ...]
    accuracies: tuple[AccuracyComparison, ...]
    notes: tuple[str, ...]


def compare_studies(a: Path, b: Path, *, most_decoded: int = MOST_DECODED) -> StudyComparison:
    """Compare two studies as far as both have come.

    Args:
        a: folder of a study.
        b: folder of another one, or of another version of the same.
        most_decoded: pairs of pictures that are looked at where their bytes differ; drawn by a hash.

    Raises:
        DataError: a folder is no study, or a table is damaged.
    """
    for folder in (a, b):
        if not (folder / "config").is_dir():
            raise DataError(f"{folder} is no study: it has no folder 'config'; give one such as results/demo")
    notes: list[str] = []
    both = StudyPaths(str(a)), StudyPaths(str(b))
    return StudyComparison(
        a=str(a),
        b=str(b),
        config=tuple(_changed_keys(a, b)),
        photos=tuple(_photos(both, notes)),
        prompts=tuple(_prompts(a, b)),
        settings=tuple(_settings(both, most_decoded, notes)),
        accuracies=tuple(_accuracies(both, notes)),
        notes=tuple(notes),
    )


def _changed_keys(a: Path, b: Path) -> list[KeyChange]:
    """Keys whose values differ in the slices that both studies wrote for their stages."""
    changes: dict[str, KeyChange] = {}
    for stage in STAGES:
        slices = read_slice_json(a, stage), read_slice_json(b, stage)
        for key, then, now in changed_keys(stage, *slices) if all(slices) else ():
            changes.setdefault(key, KeyChange(key, then, now))
    return list(changes.values())


def _shared(what: str, a: Mapping[Hashable, str], b: Mapping[Hashable, str]) -> Shared:
    """Two lists of things by key, with their names for people."""
    only_a, only_b = [a[key] for key in a if key not in b], [b[key] for key in b if key not in a]
    return Shared(what, len(a.keys() & b.keys()), len(only_a), len(only_b), tuple(only_a[:3]), tuple(only_b[:3]))


def _photos(both: Sequence[StudyPaths], notes: list[str]) -> Iterator[Shared]:
    read: list[dict[str, dict[Hashable, str]]] = []
    for paths in both:
        if not Path(paths.images).is_file():
            notes.append(f"{paths.root} has no table of photos yet, so photos are not compared")
            return
        by_split: dict[str, dict[Hashable, str]] = defaultdict(dict)
        for row in tables.stream(
            Path(paths.images), IMAGES, ["image_id", "class_id", "split", "sha256"], at_once=4096
        ):
            by_split[row["split"]][row["sha256"], row["class_id"]] = row["image_id"]
        read.append(by_split)
    for split in sorted(read[0].keys() | read[1].keys()):
        yield _shared(f"photos of {split}", read[0].get(split, {}), read[1].get(split, {}))


def _prompts(a: Path, b: Path) -> Iterator[Shared]:
    of_a, of_b = _prompt_texts(a), _prompt_texts(b)
    for name in sorted(of_a.keys() | of_b.keys()):
        yield _shared(f"prompts of {name}", of_a.get(name, {}), of_b.get(name, {}))


def _prompt_texts(study: Path) -> dict[str, dict[Hashable, str]]:
    texts: dict[str, dict[Hashable, str]] = defaultdict(dict)
    for path in sorted((study / "prompts").glob("*.yaml")):
        for prompt in read_class_file(path):
            text = (path.stem, prompt.name, prompt.description)
            texts[setting(prompt.attribute, prompt.feasibility)][text] = f"{path.stem}: {prompt.name}"
    return texts


def _settings(both: Sequence[StudyPaths], most: int, notes: list[str]) -> Iterator[SettingComparison]:
    for paths in both:
        if not Path(paths.manifest).is_file():
            notes.append(f"{paths.root} has no data set yet, so edits and acceptance are not compared")
            return
    sums = [_sums(paths) for paths in both]
    of_a, of_b = (_candidates(paths) for paths in both)
    looks = _Looks(both, of_a, of_b, most)
    if looks.left_out:
        pairs, were = ("pair", "was") if looks.left_out == 1 else ("pairs", "were")
        notes.append(
            f"{looks.left_out:,} {pairs} of edits with other bytes {were} not looked at; --most says how many are"
        )
    for name in dict.fromkeys((*sums[0], *sums[1])):
        mine = {key: row for key, row in of_a.items() if setting(*key[1:3]) == name}
        theirs = {key: row for key, row in of_b.items() if setting(*key[1:3]) == name}
        wanted, accepted = ([one[name][what] if name in one else None for one in sums] for what in _COUNTED)
        counts = Counter(looks.verdict(key) for key in mine.keys() & theirs.keys())
        yield SettingComparison(
            name,
            wanted=(wanted[0], wanted[1]),
            accepted=(accepted[0], accepted[1]),
            equal=counts["equal"],
            alike=counts["alike"],
            other=counts["other"],
            not_looked_at=counts["not looked at"],
            only_a=sum(_made(row) and not _made(theirs.get(key)) for key, row in mine.items()),
            only_b=sum(_made(row) and not _made(mine.get(key)) for key, row in theirs.items()),
            **_acceptance(mine, theirs),
        )


def _sums(paths: StudyPaths) -> dict[str, Counter[str]]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in tables.read(Path(paths.funnel), FUNNEL):
        sums[setting(row["attribute"], row["feasibility"])].update({name: row[name] for name in _COUNTED})
    return sums


class _Candidate(NamedTuple):
    """What is kept of a candidate; there may be a million."""

    candidate_id: str
    image_sha256: str | None
    accepted: bool


_Candidates = Mapping[Match, _Candidate]


def _candidates(paths: StudyPaths) -> dict[Match, _Candidate]:
    """A study's candidates by what they are of."""
    columns = (*_MATCHED_BY, "candidate_id", "image_sha256", "outcome")
    return {
        tuple(row[name] for name in _MATCHED_BY): _Candidate(
            row["candidate_id"], row["image_sha256"], row["outcome"] == ACCEPTED
        )
        for row in tables.stream(Path(paths.manifest), MANIFEST, columns, at_once=4096)
    }


def _made(candidate: _Candidate | None) -> bool:
    return candidate is not None and candidate.image_sha256 is not None


def _acceptance(a: _Candidates, b: _Candidates) -> dict[str, int]:
    accepted = [(a[key].accepted, b[key].accepted) for key in a.keys() & b.keys()]
    return {
        "accepted_both": accepted.count((True, True)),
        "accepted_a": accepted.count((True, False)),
        "accepted_b": accepted.count((False, True)),
    }


class _Looks:
    """Whether two matched candidates are the same picture; those with other bytes are decoded, some of them or all."""

    def __init__(
        self,
        both: Sequence[StudyPaths],
        a: _Candidates,
        b: _Candidates,
        most: int,
    ) -> None:
        self._verdicts = {key: "" for key in a.keys() & b.keys() if _made(a[key]) and _made(b[key])}
        other = []
        for key in self._verdicts:
            if a[key].image_sha256 == b[key].image_sha256:
                self._verdicts[key] = "equal"
            else:
                other.append(key)
        other.sort(key=lambda key: stable_int("compare", *key))
        self.left_out = max(0, len(other) - most)
        self._verdicts |= dict.fromkeys(other[most:], "not looked at")
        self._look(both, a, b, other[:most])

    def verdict(self, key: Match) -> str:
        """``equal``, ``alike``, ``other``, ``not looked at``; empty where one of them is no picture."""
        return self._verdicts.get(key, "")

    def _look(
        self,
        both: Sequence[StudyPaths],
        a: _Candidates,
        b: _Candidates,
        keys: Iterable[Match],
    ) -> None:
        """Setting and round at a time, so that few pictures are in memory."""
        groups: dict[tuple[Any, ...], list[Match]] = defaultdict(list)
        for key in keys:
            groups[key[1], key[2], key[4]].append(key)
        for (attribute, arm, round_), members in sorted(groups.items()):
            folders = [Path(paths.root) / "edits" / attribute / arm / f"round{round_}" for paths in both]
            pictures: list[dict[str, bytes]] = [
                dict(_pictures(folder, {rows[key].candidate_id for key in members}))
                for folder, rows in zip(folders, (a, b), strict=True)
            ]
            for key in members:
                first, second = pictures[0].get(a[key].candidate_id), pictures[1].get(b[key].candidate_id)
                self._verdicts[key] = _alike(first, second) if first and second else "not looked at"


def _pictures(folder: Path, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*.parquet")):
        for row in tables.picked(path, EDITS, ["candidate_id", "image"], key="candidate_id", wanted=wanted):
            if row["image"]:
                yield row["candidate_id"], row["image"]


def _alike(first: bytes, second: bytes) -> str:
    """All pixels count: the photo, which would tell the edited ones, need not be there any more."""
    then, now = decode_png(first), decode_png(second)
    verdict = compare(np.empty((0, 0, 3), np.uint8), then, now).verdict
    return "equal" if verdict == EQUAL else "alike" if verdict == CLOSE else "other"


def _accuracies(both: Sequence[StudyPaths], notes: list[str]) -> Iterator[AccuracyComparison]:
    read: list[tuple[ReportSlice, StudyResults]] = []
    for paths in both:
        if not Path(paths.config("report")).is_file() or not Path(paths.report).is_dir():
            notes.append(f"{paths.root} has no report yet, so accuracies are not compared")
            return
        config = read_slice(Path(paths.config("report")), ReportSlice)
        results = read_results(config, Path(paths.root))
        if results is None:
            notes.append(f"{paths.root} trained no classifier, so accuracies are not compared")
            return
        read.append((config, results))
    (config_a, a), (config_b, b) = read
    keys = [key for key in a.predictions if key in b.predictions]
    if not keys:
        notes.append("no regime was scored on a test set of the same name in both studies")
    rows: dict[tuple[str, str], DifferenceRow] = {}
    same: set[tuple[str, str]] = set()
    if sorted(config_a.classes) != sorted(config_b.classes):
        notes.append("the studies have other classes, so their accuracies are not paired")
    else:
        shas = [_sha_of_test_pictures(paths) for paths in both]
        shared = {key: _on_common_pictures(a.predictions[key], b.predictions[key], *shas) for key in keys}
        pairs = {key: pair for key, pair in shared.items() if pair is not None}
        same = {key for key, (first, second) in pairs.items() if np.array_equal(first.top1, second.top1)}
        rows = {key: _difference(pair, a) for key, pair in pairs.items()}
        rows = dict(zip(rows, settle(list(rows.values()), a.answers.settings), strict=True))
        if len(rows) < len(keys):
            notes.append("where the test pictures or the seeds have nothing in common, accuracies are not paired")
    for key in keys:
        row = rows.get(key)
        pictures = row.images if row else 0
        yield AccuracyComparison(a.label(key[0]), key[1], _top1(a, *key), _top1(b, *key), pictures, row, key in same)


def _difference(pair: tuple[TestSetResult, TestSetResult], a: StudyResults) -> DifferenceRow:
    """The second study less the first, not yet corrected."""
    first, second = pair
    wanted = Comparison(f"{a.label(first.regime)}: B less A", _FAMILY, second.regime, first.regime)
    return difference(second, first, wanted, a.answers.settings)


def _top1(results: StudyResults, regime: str, test_set: str) -> Interval:
    return next(row.top1 for row in results.answers.accuracies if (row.regime, row.test_set) == (regime, test_set))


def _sha_of_test_pictures(paths: StudyPaths) -> dict[str, str]:
    rows = tables.stream(Path(paths.images), IMAGES, ["image_id", "split", "sha256"], at_once=4096)
    return {row["image_id"]: row["sha256"] for row in rows if row["split"].startswith(names.TEST)}


def _on_common_pictures(
    a: TestSetResult, b: TestSetResult, of_a: Mapping[str, str], of_b: Mapping[str, str]
) -> tuple[TestSetResult, TestSetResult] | None:
    """Both results on the pictures whose bytes and class are the same; None without any, or without a common seed."""
    places = [_places(a, of_a), _places(b, of_b)]
    common = sorted(places[0].keys() & places[1].keys())
    if not common or not (set(a.seeds) & set(b.seeds) or 1 in (len(a.seeds), len(b.seeds))):
        return None
    ids = tuple(f"{sha} {label}" for sha, label in common)
    chosen = []
    for result, where in zip((a, b), places, strict=True):
        order = [where[key] for key in common]
        chosen.append(
            replace(
                result, image_ids=ids, labels=result.labels[order], top1=result.top1[:, order],
                in_top5=result.in_top5[:, order], probabilities=None,
            )
        )  # fmt: skip
    return chosen[0], chosen[1]


def _places(result: TestSetResult, sha_of: Mapping[str, str]) -> dict[tuple[str, int], int]:
    """Where a picture is, by its bytes and class; one that is there twice is left out."""
    labels = zip(result.image_ids, result.labels.tolist(), strict=True)
    keys = [(sha_of[image_id], label) for image_id, label in labels if image_id in sha_of]
    if len(keys) < len(result.image_ids):
        return {}  # the table of photos is of another version than the predictions
    counts = Counter(keys)
    return {key: place for place, key in enumerate(keys) if counts[key] == 1}
