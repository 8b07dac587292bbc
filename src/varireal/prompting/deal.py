"""Dealing prompts to images: distinct, even, and disturbed as little as possible by a change.

Identity is the prompt's id, so a new text moves nothing. Each (image, k, prompt) has a score that depends on nothing
else (rendezvous hashing, Thaler and Ravishankar 1998), so a new image or prompt leaves the scores of the others alone.
To keep chance from dealing one prompt to half of the images, each prompt takes a bounded number of images (bounded
loads, Mirrokni, Thorup and Zadimoghaddam 2018); who gets a contested place is settled by deferred acceptance (Gale and
Shapley 1962), whose outcome does not depend on the order in which images come.
"""

import hashlib
import heapq
import math
from collections.abc import Sequence

from varireal.records import Prompt

# Places of a prompt, as a multiple of its even share. With 12 images and 6 prompts, over 30 seeds: 1 is even but a new
# image moves 18 % of the deals; 1.25 moves 3 % and leaves 7 % of the prompts unused; no bound moves none, leaves 12 %
# unused, and the most dealt prompt has twice its share.
LOAD_FACTOR = 1.25


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
