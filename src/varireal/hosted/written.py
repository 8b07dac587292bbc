"""The JSON that was asked for, found wherever it stands in what a model wrote.

Everything here is data of a stranger: it is read strictly, and never as code. Light: no client.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from varireal.core.files import one_line
from varireal.hosted.replies import ends_cut, ends_filtered, refusal, said, why_empty

M = TypeVar("M", bound=BaseModel)

_START = re.compile(r"[{\[]")
# Characters that are looked at in search of JSON: each start is tried, and a start may fail at the end of the text.
_MOST_LOOKED_AT = 20_000_000
_DEEPEST = 6


class AnswerError(Exception):
    """An answer that cannot be used.

    Attributes:
        code: parse, schema, truncated or refused.
        empty: whether nothing was written that could be repaired.
    """

    def __init__(self, code: str, message: str, *, empty: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.empty = empty


def read_items(
    answer: Mapping[str, Any], item: type[M], key: str, limit: str = "max_tokens"
) -> tuple[list[M], list[str]]:
    """The items of an answer that is ``{key: [item, ...]}``, and what is wrong with those that are not of the form.

    The answer may stand anywhere in the text, after thinking and between sentences. Of several values the one with the
    most items of the form is taken, of equal ones the first; a draft within the thinking is none of them.

    Args:
        answer: what ``chat_answer`` kept.
        item: form of an item.
        key: where the list is.
        limit: key of the config that limits an answer's length, with its value; for the message.

    Raises:
        AnswerError: there is no usable item.
    """
    if refusal(answer):
        raise AnswerError("refused", f"the model refused: {refusal(answer)[:200]}", empty=True)
    content = answer.get("content") or ""
    cut = ends_cut(answer)
    raise_it = f"it was cut off at the limit of its length; raise {limit}"
    if not content.strip():
        code = "truncated" if cut else "refused" if ends_filtered(answer) else "parse"
        raise AnswerError(code, raise_it if cut else why_empty(answer), empty=True)
    text, sure = said(content)
    if cut and not sure:
        raise AnswerError("truncated", f"the model was still thinking when {raise_it}", empty=True)
    return _of_form(text, item, key, last=not sure, cut=raise_it if cut else "")


def _of_form(text: str, item: type[M], key: str, *, last: bool, cut: str) -> tuple[list[M], list[str]]:
    best: tuple[list[M], list[str]] = [], []
    problem, values = "", 0
    for value in json_values(text):
        values += 1
        for listed in _lists(value, key):
            items, problems = _checked(listed, item, key)
            problem = problem or (problems[0] if problems else f"the list {key!r} is empty")
            if items and len(items) >= len(best[0]) + (not last):
                best = items, problems
    if best[0]:
        return best
    if cut:
        raise AnswerError("truncated", cut)
    if not values:
        raise AnswerError("parse", "it is not JSON (no object in it)" if text.strip() else "it only thinks")
    raise AnswerError("schema", problem or f"it must be an object with the list {key!r}")


def _checked(listed: list[Any], item: type[M], key: str) -> tuple[list[M], list[str]]:
    items, problems = [], []
    for raw in listed:
        try:
            items.append(item.model_validate(raw))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(one_line(str(part))[:40] for part in first["loc"])
            problems.append(f"an entry of {key}{f', {where}' if where else ''}: {first['msg']}")
    return items, problems


def _lists(value: Any, key: str, depth: int = 0) -> Iterator[list[Any]]:
    """The lists that a JSON value may mean: itself, or what stands under the key, however it is wrapped."""
    if isinstance(value, list) and depth == 0:
        yield value
    if depth == _DEEPEST or not isinstance(value, dict | list):
        return
    if isinstance(value, dict) and isinstance(value.get(key), list):
        yield value[key]
        return
    for inner in list(value.values() if isinstance(value, dict) else value)[:100]:
        if isinstance(inner, str) and f'"{key}"' in inner:  # JSON as a text in JSON
            yield from (found for one in json_values(inner) for found in _lists(one, key, depth + 1))
        else:
            yield from _lists(inner, key, depth + 1)


def json_values(text: str) -> Iterator[Any]:
    """Every JSON object and list in a text, from each place where one may start that is in no other."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    place, left = 0, _MOST_LOOKED_AT
    while left > 0 and (start := _START.search(text, place)) is not None:
        try:
            value, place = decoder.raw_decode(text, start.start())
        except json.JSONDecodeError as error:
            left -= error.pos - start.start() + 1
        except (ValueError, RecursionError):
            left -= 200_000  # how far it came is not known, and it is slow
        else:
            yield value
            left -= place - start.start()
            continue
        place = start.start() + 1


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
