"""What is read out of the replies of servers: content, refusals, usage, probabilities, JSON in a text, pictures.

Everything here is data of a stranger: it is read strictly, and never as code. Light: no client.
"""

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from varireal.hosted.tokens import count_tokens, request_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai.types import ImagesResponse

M = TypeVar("M", bound=BaseModel)
# moderation_blocked, content_policy_violation, content_filter, contentFilter, "rejected by the safety system"
_POLICY = re.compile(r"moderation|content[_ ]?(policy|filter|safety)|safety system", re.I)


class AnswerError(Exception):
    """An answer that cannot be used.

    Attributes:
        code: parse, schema, truncated or refused.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NoPictureError(Exception):
    """The server answered, but not with a picture."""


def chat_answer(reply: Any, body: "Mapping[str, Any]") -> dict[str, Any]:
    """What is kept of a chat's reply: content, finish_reason, refusal and receipt; logprobs where asked for."""
    choice = reply.choices[0] if getattr(reply, "choices", None) else None
    message = getattr(choice, "message", None)
    content = getattr(message, "content", None)
    usage: Any = getattr(reply, "usage", None)
    counted = usage is None or usage.prompt_tokens is None
    probabilities = {"logprobs": _logprobs(choice)} if body.get("logprobs") else {}
    return {
        **probabilities,
        "content": content,
        "finish_reason": getattr(choice, "finish_reason", None),
        "refusal": getattr(message, "refusal", None),
        "paid": {
            "model": body["model"],
            "sent": request_tokens(body) if counted else usage.prompt_tokens,
            "answered": count_tokens(content or "") if counted else usage.completion_tokens or 0,
            "counted_here": counted,
        },
    }


def _logprobs(choice: Any) -> list[list[tuple[str, float]]] | None:
    """For each token of the answer, the likeliest tokens in its place with their log-probabilities."""
    tokens = getattr(getattr(choice, "logprobs", None), "content", None)
    if not tokens:
        return None
    return [[(top.token, top.logprob) for top in token.top_logprobs or ()] for token in tokens]


def refusal(answer: "Mapping[str, Any]") -> str:
    """What the model said instead of an answer; empty when it did not refuse."""
    return str(answer.get("refusal") or "")


def read_items(answer: "Mapping[str, Any]", item: type[M], key: str) -> tuple[list[M], list[str]]:
    """The items of an answer that is ``{key: [item, ...]}``, and what is wrong with those that are not of the form.

    Args:
        answer: what ``chat_answer`` kept.
        item: form of an item.
        key: where the list is.

    Raises:
        AnswerError: there is no usable item.
    """
    if refusal(answer) or answer.get("content") is None:
        raise AnswerError("refused", f"the model refused: {(refusal(answer) or 'no content')[:200]}")
    cut = answer.get("finish_reason") == "length"
    try:
        content = _first_json(answer["content"])
    except (ValueError, RecursionError) as error:
        code = "truncated" if cut else "parse"
        why = "it was cut off before its end" if cut else f"it is not JSON ({str(error)[:120]})"
        raise AnswerError(code, why) from error
    listed = content.get(key) if isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise AnswerError("schema", f"it must be an object with the list {key!r}")
    items, problems = [], []
    for raw in listed:
        try:
            items.append(item.model_validate(raw))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problems.append(f"an entry of {key}{f', {where}' if where else ''}: {first['msg']}")
    if not items:
        raise AnswerError("schema", problems[0] if problems else f"the list {key!r} is empty")
    return items, problems


def _first_json(text: str) -> Any:
    """The first JSON value of a text; models like to wrap it in a fence or a sentence."""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        raise ValueError("no object in it")
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    return decoder.raw_decode(text[min(starts) :])[0]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def is_policy(text: str) -> bool:
    """Whether an error of a server of pictures says that its content policy forbids the edit."""
    return _POLICY.search(text) is not None


def picture_receipt(reply: "ImagesResponse", model: str) -> dict[str, Any]:
    """What a picture has cost; zeros where the server counts no tokens."""
    sent, answered = (getattr(reply.usage, name, None) or 0 for name in ("input_tokens", "output_tokens"))
    return {"model": model, "sent": sent, "answered": answered}


def encoded_picture(reply: "ImagesResponse") -> str:
    """The picture of a reply, as base64.

    Raises:
        NoPictureError: there is none.
    """
    first = reply.data[0] if reply.data else None
    if first is None or not first.b64_json:
        instead = "an address instead of a picture; nothing is fetched from there" if first else "no picture"
        raise NoPictureError(f"the server answered with {instead}")
    return first.b64_json


def picture_bytes(encoded: str) -> bytes:
    """The bytes of an encoded picture.

    Raises:
        NoPictureError: it is no base64.
    """
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise NoPictureError("the server's answer is no base64") from error
