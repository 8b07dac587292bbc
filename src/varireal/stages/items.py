"""Which edits are wanted, with which prompts and seeds. The same for every shard count and every machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal import names, tables
from varireal.errors import DataError
from varireal.names import EditStatus
from varireal.prompting.deal import deal
from varireal.prompting.files import read_class_file
from varireal.records import Prompt
from varireal.schemas import EDITS, VERDICTS
from varireal.seeds import candidate_seed, shard_of

# A new attempt cannot help these: a later round leaves them alone, and their row of the first round tells why.
HOPELESS = frozenset(
    {EditStatus.NO_MASK, EditStatus.NO_PROMPT, EditStatus.UNKNOWN_PROMPT, EditStatus.IMAGE_UNREADABLE}
)


@dataclass(frozen=True, slots=True)
class Item:
    """One edit to be made in one round.

    Attributes:
        photo: row of images.
        attribute: background, color or texture.
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
    prompts: Mapping[str, Sequence[Prompt]],
    *,
    attribute: str,
    feasibility: str,
    per_image: int,
    round_: int,
    seed: int,
) -> list[Item]:
    """Every edit of the setting, sorted by class, photo and k.

    Args:
        photos: all train photos of the study, not of one shard: the deal looks at a whole class.
        prompts: prompts of the setting by class id.
        attribute: background, color or texture.
        feasibility: the arm.
        per_image: edits per photo.
        round_: number of the round.
        seed: seed of the study.
    """
    by_class: dict[str, list[Mapping[str, Any]]] = {}
    for photo in photos:
        by_class.setdefault(photo["class_id"], []).append(photo)
    items = []
    for class_id, members in by_class.items():
        dealt = deal(prompts.get(class_id, ()), [p["image_id"] for p in members], per_image=per_image, seed=seed)
        for photo in members:
            image_id = photo["image_id"]
            own = dealt[image_id]
            items += [
                Item(
                    photo,
                    attribute,
                    feasibility,
                    k,
                    round_,
                    own[k] if k < len(own) else None,
                    candidate_seed(seed, image_id, attribute, k, round_),
                )
                for k in range(per_image)
            ]
    return sorted(items, key=lambda item: (item.photo["class_id"], item.photo["image_id"], item.k))


def in_shard(items: Iterable[Item], index: int, total: int) -> list[Item]:
    """The items of one shard."""
    return [item for item in items if shard_of(item.photo["image_id"], total) == index]


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
    files: Sequence[Path], photos: Iterable[Mapping[str, Any]], *, attribute: str, feasibility: str
) -> dict[str, list[Prompt]]:
    """Prompts of one setting by class id, from the classes' files.

    Raises:
        ConfigError: a file is not a prompt file; the message has its line.
        DataError: a class of the photos has no file.
    """
    by_class: dict[str, list[Prompt]] = {}
    known = {path.stem for path in files}
    for class_id in sorted({str(photo["class_id"]) for photo in photos} - known):
        raise DataError(f"no prompt file for class {class_id!r} was given; found those of {', '.join(sorted(known))}")
    for path in files:
        for prompt in read_class_file(path):
            if (prompt.attribute, prompt.feasibility) == (attribute, feasibility):
                by_class.setdefault(prompt.class_id, []).append(prompt)
    return by_class


def train_photos(images: Path, schema: Any) -> list[dict[str, Any]]:
    """Rows of the train split: the only photos that are ever edited.

    Raises:
        DataError: the table is damaged.
    """
    return [row for row in tables.read(images, schema) if row["split"] == names.TRAIN]
