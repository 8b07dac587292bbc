"""Tokenizers of bytes and characters, of the classes that the real models have."""

import string

from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import BertTokenizer, CLIPTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer

BYTES = list(bytes_to_unicode().values())


def clip_tokenizer(pad="<|endoftext|>", merges=()):
    """CLIP's class over bytes and what the merges make of them; SDXL's second one pads with ``!``."""
    words = ["".join(pair) for pair in merges]
    vocabulary = [*BYTES, *(byte + "</w>" for byte in BYTES), *words, "<|startoftext|>", "<|endoftext|>"]
    ids = {token: number for number, token in enumerate(vocabulary)}
    ids.setdefault(pad, len(ids))
    return CLIPTokenizer(vocab=ids, merges=list(merges), model_max_length=77, pad_token=pad)


def real_clip_tokenizer(pad="<|endoftext|>"):
    """CLIP's own vocabulary, from open_clip, so that 77 tokens hold a whole prompt."""
    return clip_tokenizer(pad, list(SimpleTokenizer().bpe_ranks))


def bert_tokenizer():
    """Characters, at the ids that Grounding DINO has written into its code: [CLS], [SEP], full stop, question mark."""
    vocabulary = [f"[unused{number}]" for number in range(1030)]
    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    for number, token in fixed.items():
        vocabulary[number] = token
    characters = string.ascii_lowercase + string.digits + "-,'!/&()"
    for number, token in enumerate([*characters, *("##" + character for character in characters)]):
        vocabulary[104 + number] = token
    return BertTokenizer(vocab={token: number for number, token in enumerate(vocabulary)}, model_max_length=256)


def byte_tokenizer(extra=(), words=(), template=None):
    """Bytes without merges, with special tokens, and words that are one token each."""
    ids = {token: number for number, token in enumerate(["<pad>", "<s>", "</s>", *BYTES])}
    inner = Tokenizer(models.BPE(vocab=ids, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=4096,
        padding_side="left",
        chat_template=template,
    )
    tokenizer.add_tokens(list(extra), special_tokens=True)
    tokenizer.add_tokens(list(words))
    return tokenizer


def qwen_tokenizer(extra=(), template=None):
    """Qwen2's class over bytes, without merges."""
    ids = {"<|endoftext|>": 0, **{byte: number for number, byte in enumerate(BYTES, 1)}}
    tokenizer = Qwen2Tokenizer(vocab=ids, merges=[], pad_token="<|endoftext|>", chat_template=template)
    tokenizer.add_tokens(list(extra), special_tokens=True)
    return tokenizer
