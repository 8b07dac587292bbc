"""The tokenizer of the small CLIP: byte-level BPE as CLIP's, learnt on the words that its captions can hold."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY = 2048
CONTEXT = 24

# CLIP's own splitting of a text into words (Radford et al. 2021): contractions, letters, single digits, the rest.
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def train_tokenizer(texts: Iterable[str], size: int = VOCABULARY) -> CLIPTokenizer:
    """Learn a vocabulary; every other text can still be written, byte by byte.

    Args:
        texts: what to learn from, in a fixed order.
        size: number of tokens in all.
    """
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # The bytes at a word's end are given too: the trainer would number them in a random order and break ties by it.
    ends = [f"{byte}</w>" for byte in alphabet]
    trainer: Any = trainers.BpeTrainer(
        vocab_size=size - 2,  # the two marks are added to what is learnt
        initial_alphabet=alphabet,
        special_tokens=ends,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    return CLIPTokenizer(**_clip_vocabulary(learner, alphabet, size), model_max_length=CONTEXT, pad_token=END)


def _clip_vocabulary(learner: Tokenizer, alphabet: Sequence[str], size: int) -> dict[str, Any]:
    """Vocabulary and merges in CLIP's order: bytes, bytes at a word's end, merged pairs, and the marks last.

    The end mark must have the highest number: CLIP pools the text where the largest token stands.
    """
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet)]
    known = set(tokens)
    kept: list[tuple[str, str]] = []
    for one, two in merges:
        merged = one + two
        if len(tokens) + 2 >= size:
            break
        if one in known and two in known:
            kept.append((one, two))
            if merged not in known:
                tokens.append(merged)
                known.add(merged)
    vocabulary = {token: number for number, token in enumerate([*tokens, START, END])}
    return {"vocab": vocabulary, "merges": kept}
