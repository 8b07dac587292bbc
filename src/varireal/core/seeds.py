"""Seeds from identities: the same item always gets the same seed, whatever the order, shard, batch or machine."""

import hashlib


def digest(*parts: object, size: int = 16) -> str:
    """Return a hex digest (2 x ``size`` characters) of the parts, unambiguous in their lengths and order."""
    hasher = hashlib.blake2b(digest_size=size)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()


def stable_int(*parts: object) -> int:
    """Return a non-negative integer below 2**63 (it fits a Parquet int64) that depends on the parts only."""
    return int(digest(*parts, size=8), 16) >> 1


def candidate_seed(study_seed: int, image_id: str, attribute: str, k: int, round_: int) -> int:
    """Seed of a candidate. Feasibility is left out on purpose: both arms of a pair share the noise."""
    return stable_int("candidate", study_seed, image_id, attribute, k, round_)


def shard_of(image_id: str, shards: int) -> int:
    """Number of the shard that an image's items belong to; depends on the image alone, so adding images moves none."""
    return stable_int("shard", image_id) % shards
