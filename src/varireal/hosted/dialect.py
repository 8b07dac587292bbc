"""The words of one server: a chat is asked in the strictest dialect that its server takes.

What a server takes is learnt from its refusals and remembered beside the answers.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from varireal.core.seeds import digest
from varireal.hosted.book import AnswerBook
from varireal.hosted.failures import ServerError

logger = logging.getLogger(__name__)

_FORMS = ("json_schema", "json_object", "text")
# Settings that some models refuse; a request is as good without them, or can be answered in words where there are no
# probabilities.
_OPTIONAL = ("temperature", "seed", "logprobs")
_FEW_LOGPROBS = 5  # what servers give that do not give 20
_LIMITS = ("max_tokens", "max_completion_tokens")
_REFUSING = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|invalid|unexpected|extra|not (yet )?(support|permit|allow|implement)|"
    r"do(es)?(n't| not) (support|accept|allow|take)|must (not )?be|only|isn't|cannot be used|deprecated",
    re.I,
)
_TOO_LONG = re.compile(r"context (length|window)|too (large|long|big)|at most|exceed|greater than", re.I)


class Dialect:
    """Turns a request into the words of one server.

    A request names what is wanted: ``response_format`` as a JSON schema, ``max_tokens``, ``temperature``, ``seed``,
    ``logprobs``. Servers differ in what they take; a refusal makes the dialect simpler, for this server and model,
    once and for all.

    Args:
        book: where it is remembered.
        url: address of the server.
        place: of the server in the config, for messages.
        structured: form of structured answers, ``auto`` for the strictest that the server takes.
    """

    def __init__(self, book: AnswerBook, url: str, place: str, structured: str = "auto") -> None:
        self._book, self._place = book, place
        self._url = url
        self._fixed = None if structured == "auto" else structured
        self._known: dict[str, dict[str, Any]] = {}

    def speak(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request as this server takes it."""
        facts = self._facts(body["model"])
        spoken = {key: value for key, value in body.items() if value is not None and key not in facts["without"]}
        if facts["form"] == "text":
            spoken.pop("response_format", None)
        elif facts["form"] == "json_object" and "response_format" in spoken:
            spoken["response_format"] = {"type": "json_object"}
        if facts["new_limit"]:
            limit = spoken.pop("max_tokens")
            if "max_completion_tokens" not in facts["without"]:
                spoken["max_completion_tokens"] = limit
        if "logprobs" not in spoken:
            spoken.pop("top_logprobs", None)
        elif facts.get("few_logprobs"):
            spoken["top_logprobs"] = min(spoken["top_logprobs"], _FEW_LOGPROBS)
        return spoken

    def give_way(self, error: ServerError, spoken: Mapping[str, Any]) -> bool:
        """Learn from a refusal; False when it is about nothing that can be left out."""
        facts = dict(self._facts(spoken["model"]))
        text = error.problem.words.lower()
        named = [name for name in _named(error, text) if name in spoken]
        if not _refuses(error, text, named):
            return False  # a failure that passes, or another refusal
        if _form(spoken) not in (facts["form"], "text") or ("max_tokens" in spoken and facts["new_limit"]):
            return True  # another request has learnt it meanwhile
        if set(named) & set(facts["without"]):
            return True  # the same
        learnt = self._learn(facts, text, named, spoken)
        if not learnt:
            return False
        facts["said"] = [*facts.get("said", []), error.problem.first]
        self._known[spoken["model"]] = facts
        self._book.set(self._key(spoken["model"]), facts)
        logger.warning("%s: %s; %s from now on", self._place, error, learnt)
        return True

    def _learn(self, facts: dict[str, Any], text: str, named: list[str], spoken: Mapping[str, Any]) -> str:
        """Change what is known of the server; gives what changes, in words."""
        optional = [name for name in named if name in _OPTIONAL]
        if "max_tokens" in named and not _TOO_LONG.search(text):
            facts["new_limit"] = True
            return "max_completion_tokens is sent in place of max_tokens"
        if "top_logprobs" in text and spoken.get("top_logprobs", 0) > _FEW_LOGPROBS:
            facts["few_logprobs"] = True
            return f"at most {_FEW_LOGPROBS} logprobs are asked for"
        if "max_completion_tokens" in named and not _TOO_LONG.search(text):
            optional = ["max_completion_tokens"]
        if optional:
            facts["without"] = list(dict.fromkeys([*facts["without"], *optional]))
            return f"{', '.join(optional)} {'is' if len(optional) == 1 else 'are'} left out"
        if self._fixed is None and "response_format" in spoken and _about_form(text, named):
            facts["form"] = _FORMS[_FORMS.index(facts["form"]) + 1]
            return f"answers are asked for as {facts['form']}"
        return ""

    def _facts(self, model: str) -> dict[str, Any]:
        if model not in self._known:
            fresh = {"form": self._fixed or _FORMS[0], "new_limit": False, "without": []}
            self._known[model] = fresh if self._fixed else self._book.get(self._key(model)) or fresh
        return self._known[model]

    def _key(self, model: str) -> str:
        return digest("dialect", self._url, model)


def _form(spoken: Mapping[str, Any]) -> str:
    return str(spoken["response_format"]["type"]) if "response_format" in spoken else "text"


def _refuses(error: ServerError, text: str, named: list[str]) -> bool:
    """Whether an error may be about the dialect, and not about the server's state or the question."""
    if error.problem.status in (400, 403, 422):  # 403: "you are not allowed to request logprobs from this model"
        return True
    if error.status is None:
        return False
    plain = bool(named) and _REFUSING.search(text) is not None
    return (error.status >= 500 or error.status in (200, 404, 406, 415)) and (plain or _about_form(text, named))


def _named(error: ServerError, text: str) -> list[str]:
    """Settings that a refusal is about: those that its form names, else those in its words."""
    known = (*_OPTIONAL, *_LIMITS, "top_logprobs", "response_format")
    formal = [name for name in known if name in error.problem.names]
    names = formal or [name for name in known if re.search(rf"(?<![a-z_]){name}(?![a-z_])", text)]
    if "max_completion_tokens" in text and "max_tokens" in text:
        names.insert(0, "max_tokens")
    if "top_logprobs" in names:
        names.append("logprobs")
    return list(dict.fromkeys(names))


def _about_form(text: str, named: list[str]) -> bool:
    words = ("response_format", "json_schema", "json_object", "schema", "grammar", "structured output")
    return "response_format" in named or any(word in text for word in words)
