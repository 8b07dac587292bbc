"""Counting tokens: of requests to a chat, with their pictures, and of prompts as an editor's text encoder sees them.

Without torch, because a job that asks must stay small.
"""

import base64
import gzip
import importlib.util
import io
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from varireal.errors import BackendError

_PER_MESSAGE = 4  # tokens that a chat adds to each message, after OpenAI's cookbook on counting them
# How the chat models of OpenAI count a picture in high detail (their guide "Images and vision"): it is made to fit
# into 2048 pixels, its shorter side becomes 768 at most, and each tile of 512 costs 170 tokens, besides 85 for all.
# Other servers count otherwise; theirs is what is added up in the end.
_FIT, _SHORT, _TILE, _TILE_TOKENS, _WHOLE_TOKENS = 2048, 768, 512, 170, 85
_ENDS = 2  # start and end mark
_END_OF_WORD = "</w>"
# Size of CLIP's vocabulary: every byte alone and at the end of a word, the merges, and two marks.
_VOCABULARY = 49_408
# How CLIP's tokenizer splits text into words (Radford et al. 2021, the released tokenizer).
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def data_url(data: bytes, kind: str) -> str:
    """A picture's bytes as a data URL.

    Args:
        data: the encoded picture.
        kind: png or jpeg.
    """
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def image_tokens(url: str) -> int:
    """Tokens of a picture that is sent as a data URL."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        width, height = picture.size
    scale = min(1.0, _FIT / max(width, height))
    scale = min(scale, _SHORT / min(width, height))
    tiles = math.ceil(width * scale / _TILE) * math.ceil(height * scale / _TILE)
    return _WHOLE_TOKENS + _TILE_TOKENS * tiles


def request_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of a request, counted with CLIP's tokenizer, which splits somewhat finer than those of chat models."""
    return sum(_content_tokens(message["content"]) + _PER_MESSAGE for message in body["messages"])


def _content_tokens(content: str | Sequence[Mapping[str, Any]]) -> int:
    """Tokens of a message: a text, or parts that are texts and pictures."""
    if isinstance(content, str):
        return count_tokens(content)
    return sum(
        count_tokens(part["text"]) if part["type"] == "text" else image_tokens(part["image_url"]["url"])
        for part in content
    )


@cache
def _clip_tokenizer() -> Any:
    """CLIP's tokenizer, from the list of merges that comes with open_clip.

    Raises:
        BackendError: open_clip is not installed.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    spec = importlib.util.find_spec("open_clip")  # finds it without importing it, and torch with it
    if spec is None or not spec.submodule_search_locations:
        raise BackendError("counting tokens needs CLIP's vocabulary; install the extra 'clip'")
    path = Path(next(iter(spec.submodule_search_locations))) / "bpe_simple_vocab_16e6.txt.gz"
    letters = list(_byte_letters())
    count = _VOCABULARY - 2 * len(letters) - 2
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")[1 : count + 1]
    merges = [(first, second) for first, _, second in (line.partition(" ") for line in lines)]
    words = [*letters, *(letter + _END_OF_WORD for letter in letters), *(one + two for one, two in merges)]
    tokenizer = Tokenizer(
        models.BPE(vocab={word: n for n, word in enumerate(words)}, merges=merges, end_of_word_suffix=_END_OF_WORD)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer


def _byte_letters() -> list[str]:
    """A printable letter for each byte, in the order of GPT-2's vocabulary, which CLIP's starts with."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + number) for number in range(len(others))]


@lru_cache(maxsize=20_000)
def count_tokens(text: str) -> int:
    """Tokens of a text by CLIP's tokenizer, without marks."""
    return len(_clip_tokenizer().encode(text, add_special_tokens=False).ids)


def token_counter(tokenizer: str | None) -> Callable[[str], int]:
    """A function that counts a text's tokens, marks included.

    Args:
        tokenizer: folder or hub id of a text encoder's tokenizer; None for CLIP's.

    Raises:
        BackendError: the tokenizer cannot be loaded.
    """
    if tokenizer is None:
        return lambda text: count_tokens(text) + _ENDS
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(tokenizer, local_files_only=Path(tokenizer).is_dir())
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise BackendError(f"prompts.openai.tokenizer: {tokenizer} cannot be loaded: {why}") from error
    return lambda text: len(loaded(text)["input_ids"])
