"""Dealing prompts to images: distinct, even, and disturbed as little as possible by a change.

Identity is the prompt's id, so a new text moves nothing. Each (image, k, prompt) has a score that depends on nothing
else (rendezvous hashing, Thaler and Ravishankar 1998), so a new image or prompt leaves the scores of the others alone.
To keep chance from dealing one prompt to half of the images, each prompt takes a bounded number of images (bounded
loads, Mirrokni, Thorup and Zadimoghaddam 2018); who gets a contested place is settled by deferred acceptance (Gale and
Shapley 1962), whose outcome does not depend on the order in which images come.
"""

import hashlib
import heapq
import json
import logging
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from varireal.core.seeds import digest
from varireal.prompts.class_file import read_class_file
from varireal.prompts.gathering import no_prompt_file
from varireal.records import Prompt

# Places of a prompt, as a multiple of its even share. With 12 images and 6 prompts, over 30 seeds: 1 is even but a new
# image moves 18 % of the deals; 1.25 moves 3 % and leaves 7 % of the prompts unused; no bound moves none, leaves 12 %
# unused, and the most dealt prompt has twice its share.
LOAD_FACTOR = 1.25
_VERSION = 1

logger = logging.getLogger(__name__)


def deal(prompts: Sequence[Prompt], image_ids: Sequence[str], *, per_image: int, seed: int) -> dict[str, list[Prompt]]:
    """Choose the prompts of each image, for one class and one setting.

    Args:
        prompts: prompts to choose from; ids are unique.
        image_ids: images to deal to, unique, in any order.
        per_image: how many prompts an image gets; the k-th is for the image's k-th edit.
        seed: seed of the study.

    Returns:
        Image id -> distinct prompts, in the order of ``image_ids``. With fewer prompts than ``per_image``, each image
        gets all of them; the caller reports what is missing.
    """
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    dealt: dict[str, list[Prompt]] = {image_id: [] for image_id in image_ids}
    for k in range(min(per_image, len(by_id))):
        # One matching per k: if a whole ranking were cut into k places, a new favourite would shift all of them.
        open_ids = {
            image_id: by_id.keys() - {prompt.prompt_id for prompt in taken} for image_id, taken in dealt.items()
        }
        for image_id, prompt_id in _match(open_ids, len(by_id), k, seed).items():
            dealt[image_id].append(by_id[prompt_id])
    return dealt


def _match(open_ids: dict[str, set[str]], n_prompts: int, k: int, seed: int) -> dict[str, str]:
    """Image id -> prompt id, each prompt at most ``LOAD_FACTOR`` times its share unless that leaves an image without.

    Args:
        open_ids: image id -> prompts that it does not have yet, at least one.
        n_prompts: number of prompts in the setting.
        k: which of an image's prompts is being dealt.
        seed: seed of the study.
    """
    places = math.ceil(LOAD_FACTOR * len(open_ids) / n_prompts)
    wishes = {
        image_id: sorted(((_score(seed, image_id, k, prompt_id), prompt_id) for prompt_id in ids), reverse=True)
        for image_id, ids in open_ids.items()
    }
    asked = dict.fromkeys(wishes, 0)
    held: dict[str, list[tuple[int, str]]] = {}  # prompt id -> heap of (score, image id), worst first
    waiting = sorted(wishes)
    while waiting:
        image_id = waiting.pop()
        if asked[image_id] == len(wishes[image_id]):
            continue
        score, prompt_id = wishes[image_id][asked[image_id]]
        asked[image_id] += 1
        heap = held.setdefault(prompt_id, [])
        heapq.heappush(heap, (score, image_id))
        if len(heap) > places:
            waiting.append(heapq.heappop(heap)[1])
    # Only an image whose few remaining prompts are all full ends without a place: it gets its favourite of them.
    match = {image_id: ranked[0][1] for image_id, ranked in wishes.items()}
    match.update((image_id, prompt_id) for prompt_id, heap in held.items() for _, image_id in heap)
    return match


def _score(seed: int, image_id: str, k: int, prompt_id: str) -> int:
    """Uniform 64-bit score; lengths are written so that no two different inputs run together."""
    text = f"{seed}:{k}:{len(image_id)}:{image_id}:{prompt_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class Deals:
    """The deals of one setting, worked out once per class of a study and not again by every job.

    A class is dealt as a whole, and every shard has photos of most classes: without a memory the work would grow with
    photos times shards. The memory is one file per setting that all its jobs share. It holds nothing that could not be
    worked out again: a line counts only when its digest says that it was dealt from the same things, a lost or damaged
    one is dealt anew, and of two jobs that write at once the last one wins.

    Args:
        memory: file that the jobs of the setting share.
        files: prompt files.
        attribute: what is edited.
        feasibility: the arm.
        per_image: edits per photo.
        seed: seed of the study.
    """

    def __init__(
        self, memory: Path, files: Sequence[Path], *, attribute: str, feasibility: str, per_image: int, seed: int
    ) -> None:
        self._memory = memory
        self._files = {path.stem: path for path in files}
        self._setting = (attribute, feasibility)
        self._per_image, self._seed = per_image, seed

    def dealt(self, members: Mapping[str, Sequence[str]]) -> dict[str, dict[str, list[Prompt]]]:
        """Prompts of each photo, by class and then by photo.

        Args:
            members: ids of all photos of each class, in any order.

        Raises:
            ConfigError: a file is not a prompt file; the message has its line.
            DataError: a class has no file.
        """
        for class_id in sorted(members.keys() - self._files.keys()):
            raise no_prompt_file(class_id, self._files)
        lines = self._remembered()
        deals: dict[str, dict[str, list[Prompt]]] = {}
        fresh: dict[str, str] = {}
        for class_id, ids in members.items():
            key = self._key(class_id, ids)
            known_deal = _read(lines.get(class_id, ""), key)
            if known_deal is None:
                prompts = self._prompts(class_id)
                known_deal = deal(prompts, ids, per_image=self._per_image, seed=self._seed)
                fresh[class_id] = _line(class_id, key, prompts, known_deal)
            deals[class_id] = known_deal
        if fresh:
            self._remember({**lines, **fresh})
        return deals

    def _prompts(self, class_id: str) -> list[Prompt]:
        prompts = read_class_file(self._files[class_id])
        return [prompt for prompt in prompts if (prompt.attribute, prompt.feasibility) == self._setting]

    def _key(self, class_id: str, ids: Iterable[str]) -> str:
        try:
            text = self._files[class_id].read_bytes()
        except OSError:
            text = b""  # reading it as prompts says what is wrong
        return digest("deal", _VERSION, text, *self._setting, self._per_image, self._seed, *sorted(ids))

    def _remembered(self) -> dict[str, str]:
        """Lines of the memory by class."""
        try:
            text = self._memory.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return {}
        return {line.partition("\t")[0]: line for line in text.splitlines()}

    def _remember(self, lines: Mapping[str, str]) -> None:
        """Put the memory in place whole; several jobs may do so at once, so each has a temporary file of its own."""
        text = "".join(f"{lines[class_id]}\n" for class_id in sorted(lines))
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{self._memory.name}.", dir=self._memory.parent) as folder:
                part = Path(folder) / self._memory.name
                part.write_text(text, encoding="utf-8")
                part.replace(self._memory)
        except OSError as error:
            logger.debug("the deals are not remembered in %s: %s", self._memory, error)


def _line(class_id: str, key: str, prompts: Sequence[Prompt], dealt: Mapping[str, Sequence[Prompt]]) -> str:
    places = {prompt.prompt_id: place for place, prompt in enumerate(prompts)}
    deals = {image_id: [places[prompt.prompt_id] for prompt in chosen] for image_id, chosen in dealt.items()}
    return f"{class_id}\t{key}\t{json.dumps([[asdict(prompt) for prompt in prompts], deals], separators=(',', ':'))}"


def _read(line: str, key: str) -> dict[str, list[Prompt]] | None:
    """The deal of a line; None when it was dealt from other things or is damaged."""
    try:
        _, stored_key, text = line.split("\t", 2)
        if stored_key != key:
            return None
        fields, deals = json.loads(text)
        prompts = [Prompt(**values) for values in fields]
        return {image_id: [prompts[place] for place in places] for image_id, places in deals.items()}
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
