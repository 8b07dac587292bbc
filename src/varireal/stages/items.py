"""Which edits are wanted, with which prompts and seeds. The same for every shard count and every machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal import tables
from varireal.names import EditStatus
from varireal.prompting.files import read_class_file
from varireal.prompting.gathering import no_prompt_file
from varireal.records import Prompt
from varireal.schemas import EDITS, VERDICTS
from varireal.seeds import candidate_seed

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
    dealt: Mapping[str, Mapping[str, Sequence[Prompt]]],
    *,
    attribute: str,
    feasibility: str,
    per_image: int,
    round_: int,
    seed: int,
) -> list[Item]:
    """Every edit of some photos in one setting, sorted by class, photo and k.

    Args:
        photos: rows of images.
        dealt: prompts of the setting for each photo, by class and then by photo; see ``Deals``.
        attribute: background, color or texture.
        feasibility: the arm.
        per_image: edits per photo.
        round_: number of the round.
        seed: seed of the study.
    """
    items = []
    for photo in sorted(photos, key=lambda photo: (photo["class_id"], photo["image_id"])):
        image_id = photo["image_id"]
        own = dealt[photo["class_id"]][image_id]
        for k in range(per_image):
            prompt = own[k] if k < len(own) else None
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
    by_class: dict[str, list[Prompt]] = {}
    known = {path.stem for path in files}
    for class_id in sorted(set(class_ids) - known):
        raise no_prompt_file(class_id, known)
    for path in files:
        for prompt in read_class_file(path):
            if (prompt.attribute, prompt.feasibility) == (attribute, feasibility):
                by_class.setdefault(prompt.class_id, []).append(prompt)
    return by_class
