"""What a server understands of a request; learnt from its refusals and remembered beside the answers."""

from collections.abc import Mapping
from typing import Any

import openai

from varireal.asking.keeping import AnswerBook
from varireal.seeds import digest

_FORMS = ("json_schema", "json_object", "text")
# Settings that some models refuse; a request is as good without them, or can be answered in words where there are no
# probabilities.
_OPTIONAL = ("temperature", "seed", "logprobs")
_FEW_LOGPROBS = 5  # what servers give that do not give 20


class Dialect:
    """Turns a request into the words of one server.

    A request names what is wanted: ``response_format`` as a JSON schema, ``max_tokens``, ``temperature``, ``seed``,
    ``logprobs``. Servers differ in what they take; a refusal makes the dialect simpler, for this server and model,
    once and for all.

    Args:
        book: where it is remembered.
        url: address of the server.
        structured: form of structured answers, ``auto`` for the strictest that the server takes.
    """

    def __init__(self, book: AnswerBook, url: str, structured: str = "auto") -> None:
        self._book = book
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
            spoken["max_completion_tokens"] = spoken.pop("max_tokens")
        if "logprobs" not in spoken:
            spoken.pop("top_logprobs", None)
        elif facts.get("few_logprobs"):
            spoken["top_logprobs"] = min(spoken["top_logprobs"], _FEW_LOGPROBS)
        return spoken

    def give_way(self, error: openai.APIStatusError, spoken: Mapping[str, Any]) -> bool:
        """Learn from a refusal; False when it is about nothing that can be left out."""
        text = str(error).lower()
        facts = dict(self._facts(spoken["model"]))
        if isinstance(error, openai.InternalServerError) and not _about_form(text):
            return False  # a failure that passes, not a refusal
        if _form(spoken) not in (facts["form"], "text") or ("max_tokens" in spoken and facts["new_limit"]):
            return True  # another request has learnt it meanwhile
        if "max_completion_tokens" in text and "max_tokens" in spoken:
            facts["new_limit"] = True
        elif "top_logprobs" in text and spoken.get("top_logprobs", 0) > _FEW_LOGPROBS:
            facts["few_logprobs"] = True
        elif named := [name for name in _OPTIONAL if name in text and name in spoken]:
            facts["without"] = [*facts["without"], *named]
        elif self._fixed is None and "response_format" in spoken and _about_form(text):
            facts["form"] = _FORMS[_FORMS.index(facts["form"]) + 1]
        else:
            return False
        self._known[spoken["model"]] = facts
        self._book.set(self._key(spoken["model"]), facts)
        return True

    def _facts(self, model: str) -> dict[str, Any]:
        if model not in self._known:
            fresh = {"form": self._fixed or _FORMS[0], "new_limit": False, "without": []}
            self._known[model] = fresh if self._fixed else self._book.get(self._key(model)) or fresh
        return self._known[model]

    def _key(self, model: str) -> str:
        return digest("dialect", self._url, model)


def _form(spoken: Mapping[str, Any]) -> str:
    return str(spoken["response_format"]["type"]) if "response_format" in spoken else "text"


def _about_form(text: str) -> bool:
    return any(word in text for word in ("response_format", "json_schema", "json_object", "schema", "grammar"))
