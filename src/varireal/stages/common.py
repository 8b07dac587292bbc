"""What several stages share: the failure budget, a stage's last words, the edits that are wanted, a shard's photos.

The table of images holds far more photos than a job needs: only theirs become rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from varireal import names
from varireal.core.seeds import candidate_seed, shard_of
from varireal.errors import DataError
from varireal.names import HOPELESS
from varireal.records import Prompt
from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, VERDICTS

Row = dict[str, Any]

_EXAMPLES = 5
_AT_ONCE = 4096


class Tally:
    """The failure budget: a bad item is a row; too many of them end the stage with their reasons.

    It counts the rows of a stage by status while they are made; of those that failed it keeps the first few.

    Args:
        id_column: column of the ids that are shown as examples.
        failures: the statuses that count; expected outcomes, such as an unusable mask, do not.
        rows: rows that are there already.
    """

    def __init__(self, id_column: str, failures: frozenset[str], rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._id_column, self._failures = id_column, failures
        self._counts: Counter[str] = Counter()
        self._examples: list[str] = []
        self._first = ""
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row, which has ``status``, the id, and ``reason`` when it failed."""
        status = str(row["status"])
        self._counts[status] += 1
        if status in self._failures and len(self._examples) < _EXAMPLES:
            self._first = self._first or row["reason"] or status
            self._examples.append(str(row[self._id_column]))

    @property
    def counts(self) -> dict[str, int]:
        """Rows per status, ok first."""
        return {status: self._counts[status] for status in sorted(self._counts, key=lambda s: (s != names.OK, s))}

    def check(self, stage: str, allowed: float) -> None:
        """End the stage when too large a share of its items failed.

        Args:
            stage: its name, for the message.
            allowed: largest share, 0..1.

        Raises:
            DataError: the share is larger; the message has the counts by status and five example ids.
        """
        failed = Counter({status: count for status, count in self._counts.items() if status in self._failures})
        total = self._counts.total()
        if not total or failed.total() <= allowed * total:
            return
        counts = ", ".join(f"{status} {count}" for status, count in failed.most_common())
        raise DataError(
            f"{stage}: {failed.total()} of {total} items failed ({counts}), more than study.max_failed_fraction "
            f"{allowed:g} allows; the first: {self._first}; examples: {', '.join(self._examples)}"
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a stage for the last line of its log.

    Attributes:
        counts: rows or items per status.
        computed: items computed now rather than found in the store; None where there is no store.
        lines: more lines for the screen.
    """

    counts: dict[str, int]
    computed: int | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One edit to be made in one round.

    Attributes:
        photo: row of images.
        attribute: what is edited.
        feasibility: the arm.
        k: which of the photo's edits.
        round: 0 is the first attempt.
        prompt: what to put in; None when the class has fewer prompts than edits per image.
        seed: shared by both arms.
    """

    photo: Mapping[str, Any]
    attribute: str
    feasibility: str
    k: int
    round: int
    prompt: Prompt | None
    seed: int

    @property
    def pair_id(self) -> str:
        """The same for both arms."""
        return f"{self.photo['image_id']}.{self.attribute}.k{self.k}"

    @property
    def candidate_id(self) -> str:
        """Unique in the study."""
        return f"{self.photo['image_id']}.{self.attribute}.{self.feasibility}.k{self.k}.r{self.round}"


def wanted_items(
    photos: Sequence[Mapping[str, Any]],
    dealt: Mapping[str, Mapping[str, Sequence[Prompt]]],
    *,
    attribute: str,
    feasibility: str,
    per_image: int,
    round_: int,
    seed: int,
) -> list[Item]:
    """Every edit of some photos in one setting, sorted by class, photo and k: the same for every number of shards.

    Args:
        photos: rows of images.
        dealt: prompts of the setting for each photo, by class and then by photo; see ``Deals``.
        attribute: what is edited.
        feasibility: the arm.
        per_image: edits per photo.
        round_: number of the round.
        seed: seed of the study.
    """
    items = []
    for photo in sorted(photos, key=lambda photo: (photo["class_id"], photo["image_id"])):
        image_id = photo["image_id"]
        prompts = dealt[photo["class_id"]][image_id]
        for k in range(per_image):
            prompt = prompts[k] if k < len(prompts) else None
            noise = candidate_seed(seed, image_id, attribute, k, round_)
            items.append(Item(photo, attribute, feasibility, k, round_, prompt, noise))
    return items


def settled_items(edits: Sequence[Path], verdicts: Sequence[Path]) -> set[tuple[str, int]]:
    """(image_id, k) of the items that earlier rounds accepted, or that no further attempt can help.

    Raises:
        DataError: a table is damaged.
    """
    accepted = {
        row["candidate_id"]
        for path in verdicts
        for row in tables.read(path, VERDICTS, ["candidate_id", "accepted"])
        if row["accepted"]
    }
    columns = ["candidate_id", "image_id", "k", "status"]
    return {
        (row["image_id"], row["k"])
        for path in edits
        for row in tables.read(path, EDITS, columns)
        if row["candidate_id"] in accepted or row["status"] in HOPELESS
    }


def setting_prompts(
    files: Sequence[Path], class_ids: Iterable[str], *, attribute: str, feasibility: str
) -> dict[str, list[Prompt]]:
    """Prompts of one setting by class id, from the classes' files.

    Raises:
        ConfigError: a file is not a prompt file; the message has its line.
        DataError: a class has no file.
    """
    # here, because every stage imports this module, and few read prompts
    from varireal.prompts.class_file import read_class_file
    from varireal.prompts.gathering import no_prompt_file

    by_class: dict[str, list[Prompt]] = {}
    known = {path.stem for path in files}
    for class_id in sorted(set(class_ids) - known):
        raise no_prompt_file(class_id, known)
    for path in files:
        for prompt in read_class_file(path):
            if (prompt.attribute, prompt.feasibility) == (attribute, feasibility):
                by_class.setdefault(prompt.class_id, []).append(prompt)
    return by_class


@dataclass(frozen=True, slots=True)
class ShardPhotos:
    """The train photos of a shard, and who shares a class with them.

    Attributes:
        rows: rows of images of the shard, in the order of the table.
        members: ids of all train photos of each class that the shard has a photo of, in the order of the table.
    """

    rows: list[Row]
    members: dict[str, list[str]]


def train_classes(images: Path) -> dict[str, str]:
    """Id and display name of the classes that have a train photo.

    Raises:
        DataError: the table is damaged.
    """
    batches = (batch.to_pylist() for batch in _train(images, ["split", "class_id", "class_name"]))
    return {row["class_id"]: row["class_name"] for rows in batches for row in rows}


def shard_photos(images: Path, index: int, total: int) -> ShardPhotos:
    """The train photos of one shard, the only ones that are ever edited, and the ids of the photos of their classes.

    Raises:
        DataError: the table is damaged.
    """
    rows: list[Row] = []
    members: dict[str, list[str]] = {}
    for batch in _train(images, IMAGES.names):
        ids, class_ids = batch["image_id"].to_pylist(), batch["class_id"].to_pylist()
        for image_id, class_id in zip(ids, class_ids, strict=True):
            members.setdefault(class_id, []).append(image_id)
        in_shard = pa.array([shard_of(image_id, total) == index for image_id in ids], pa.bool_())
        rows += batch.filter(in_shard).to_pylist()
    ours = {row["class_id"] for row in rows}
    return ShardPhotos(rows, {class_id: ids for class_id, ids in members.items() if class_id in ours})


def _train(images: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    for batch in tables.batches(images, IMAGES, columns, at_once=_AT_ONCE):
        train = pa.array([split == names.TRAIN for split in batch["split"].to_pylist()], pa.bool_())
        yield batch.filter(train)
