"""Text of strangers (class names, prompts, reasons) on one line, without characters that change what is around it."""

import re
import unicodedata
from collections.abc import Sequence

_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # would turn the text that follows around
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    """The text with line breaks, control characters and lone surrogates as spaces, without direction controls."""
    visible = (" " if unicodedata.category(c) in _BREAKING else c for c in _DIRECTION.sub("", text))
    return " ".join("".join(visible).split())


def said(error: BaseException, most: int | None = None) -> str:
    """What an error says, on one line, of at most so many characters; the name of its class when it says nothing."""
    return one_line(str(error))[:most] or type(error).__name__


def few(names: Sequence[str], most: int = 5) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
