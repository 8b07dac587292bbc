"""What a server says instead of an answer: its own words, whatever the form of the body, and what they mean.

Light: no client.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from varireal.core.files import one_line

# Keys under which bodies say what is wrong, the plainest first (compared without case).
_SAYING = (
    *(
        "message",
        "msg",
        "detail",
        "error",
        "errors",
        "error_message",
        "error_msg",
        "errormessage",
        "error_description",
    ),
    *(
        "description",
        "reason",
        "title",
        "status_msg",
        "faultstring",
        "fault",
        "base_resp",
        "exception",
        "metadata",
        "raw",
    ),
    *("innererror", "details"),
)
_FINE = frozenset({"", "0", "200", "ok", "success", "none", "null", "false"})
# What texts and codes of errors mean that come with status 200 or none.
_MEANINGS = tuple(
    (status, re.compile(pattern, re.I))
    for status, pattern in (
        (404, r"unexpected endpoint|no route|(route|path|url|endpoint)\W+(was )?not found|not_found_error"),
        (401, r"invalid[_ ]api[_ ]key|incorrect api key|authentication_error|\bunauthori[sz]ed\b"),
        (402, r"insufficient[_ ](quota|credits?|balance|funds)|billing_"),
        (429, r"rate[_ -]?limit|too many requests"),
        (503, r"overload|unavailable|try again"),
        (400, r"context[_ ]length|context window|invalid_request|not permitted|\bunsupported|unknown \w* ?parameter"),
    )
)
_HTML = re.compile(r"<(!doctype|html|head|body|title|script|center)\b", re.I)
_UNSEEN = re.compile(r"<(script|style|head|svg)\b.*?</\1\s*>|<!--.*?-->", re.I | re.S)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.I | re.S)
_DEEPEST = 8
_MOST_WORDS = 2000
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server says instead of an answer.

    Attributes:
        words: its own sentences, on one line.
        status: status of HTTP that they mean; None when nobody knows.
        code: its word for the problem, such as ``moderation_blocked``.
        names: parameters that it names as the problem.
    """

    words: str
    status: int | None = None
    code: str = ""
    names: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The words, cut for a message."""
        return self.words[:_SHOWN]


class UnusableError(Exception):
    """A body that holds no usable answer.

    Attributes:
        problem: what it says instead.
    """

    def __init__(self, problem: Complaint) -> None:
        super().__init__(problem.words)
        self.problem = problem


def words_of(body: Any, most: int = _MOST_WORDS) -> str:
    """What a body says, in its own words and on one line, whatever its form; empty when it says nothing."""
    parts = dict.fromkeys(part for part in _said(body, 0) if part)
    kept = [part for part in parts if not any(part != other and part in other for other in parts)]
    return one_line("; ".join(kept))[:most]


def _said(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield from _said_in_text(value, depth)
    elif isinstance(value, Mapping):
        lower = {str(key).lower(): inner for key, inner in value.items()}
        place = lower.get("loc")
        said = [part for key in _SAYING for part in _said(lower.get(key), depth + 1)]
        if isinstance(place, list) and said:  # of FastAPI: where in the request, and what
            yield f"{'.'.join(str(part)[:60] for part in place)}: {said[0]}"
            return
        yield from said or _said(lower.get("status"), depth + 1)
        parameter = lower.get("param")
        if isinstance(parameter, str) and parameter and not any(parameter in part for part in said):
            yield f"parameter {parameter}"
        if not said and depth and lower.get("code") is not None:
            yield f"code {str(lower['code'])[:60]}"
    elif isinstance(value, list):
        for inner in value[:5]:
            yield from _said(inner, depth + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield f"error {value}"


def _said_in_text(text: str, depth: int) -> Iterator[str]:
    stripped = text.strip()
    if stripped.startswith(("{", "[")):
        try:
            inner = json.loads(stripped)
        except (ValueError, RecursionError):
            pass
        else:
            yield from _said(inner, depth + 1)
            return
    if _HTML.match(stripped) or (stripped.startswith("<") and stripped.endswith(">")):
        title = _TITLE.search(stripped[:100_000])
        visible = re.sub(r"<[^<>]*>", " ", _UNSEEN.sub(" ", stripped[:20_000]))
        shown = one_line(html.unescape(title[1] if title else visible))[:200]
        page = "a web page instead of an answer" if _HTML.search(stripped) else "a page of XML"
        yield f"{page}: {shown!r}" if shown else page
    elif stripped.lower() not in _FINE:
        yield one_line(stripped[:_MOST_WORDS])


def problem_of(body: Any, status: int | None = None) -> Complaint:
    """What a body says that is no answer.

    Args:
        body: see ``read_body``.
        status: of HTTP, where it tells that the request failed.
    """
    words = words_of(body)
    codes = [one_line(str(code))[:80] for code in _codes(body, 0) if not isinstance(code, bool)]
    numbers = [int(code) for code in codes if code.isascii() and code.isdigit() and len(code) == 3]
    known = status or next((number for number in numbers if 400 <= number < 600), None)
    text = " ".join((*codes, words))
    known = known or next((meant for meant, pattern in _MEANINGS if pattern.search(text)), None)
    named = next((code for code in codes if not code.isdigit() and code.lower() not in _FINE), "")
    return Complaint(words or (f"code {named}" if named else ""), known, named, tuple(dict.fromkeys(_names(body, 0))))


def _codes(value: Any, depth: int) -> Iterator[Any]:
    """Codes of an error, the inner ones first, for ``error.code`` is what says most."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key in ("error", "errors", "detail", "fault", "base_resp", "innererror"):
            yield from _codes(value.get(key), depth + 1)
        for key in ("code", "status_code", "statusCode", "status", "http_code", "type", "error_type"):
            if isinstance(value.get(key), str | int):
                yield value[key]


def _names(value: Any, depth: int) -> Iterator[str]:
    """Parameters that an error is about: OpenAI's ``param``, FastAPI's ``loc``."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        if isinstance(value.get("param"), str):
            yield re.split(r"[.\[]", value["param"])[0]
        if isinstance(value.get("loc"), list):
            yield from (part for part in value["loc"] if isinstance(part, str) and part != "body")
        for key in ("error", "errors", "detail", "message"):
            yield from _names(value.get(key), depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value[:20]:
            yield from _names(inner, depth + 1)
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            yield from _names(json.loads(value), depth + 1)
        except (ValueError, RecursionError):
            return


def error_in(body: Any) -> Complaint | None:
    """What is wrong, where a body of status 200 says that something is; None when it says nothing of the kind."""
    if not isinstance(body, Mapping):
        return None
    error = body.get("error") or body.get("errors")
    answered = any(body.get(key) for key in ("choices", "data", "candidates", "content"))
    failed = body.get("object") == "error" or body.get("type") == "error" or body.get("success") is False
    bare = not answered and any(isinstance(body.get(key), str | list) and body[key] for key in ("message", "detail"))
    if error and not failed:
        if not words_of(error) and all(str(code).lower() in _FINE for code in _codes({"error": error}, 0)):
            return None  # {"error": {"code": 0, "message": ""}} beside an answer
    elif not failed and not bare:
        return None
    return problem_of(body)


def no_answer(body: Any, what: str) -> UnusableError:
    """What to raise for a body that is no answer, with what it is instead, or what is in it."""
    problem = problem_of(body) if isinstance(body, str | Mapping | list) else Complaint("")
    if problem.words:
        words = problem.words if problem.words.startswith("a web page") else f"{what}: {problem.words}"
    else:
        shown = one_line(json.dumps(body))[:120] if body not in ("", None) else ""
        words = f"{what}: {shown}" if shown else "an empty body"
    return UnusableError(Complaint(words, problem.status, problem.code, problem.names))


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []
