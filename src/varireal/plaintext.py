"""Text of strangers (class names, prompts, reasons) on one line, without characters that change what is around it."""

import re
import unicodedata

_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # would turn the text that follows around
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    """The text with line breaks, control characters and lone surrogates as spaces, without direction controls."""
    visible = (" " if unicodedata.category(c) in _BREAKING else c for c in _DIRECTION.sub("", text))
    return " ".join("".join(visible).split())
