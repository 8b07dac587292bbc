"""What is kept of a server's reply. Light: no client."""

from collections.abc import Mapping
from typing import Any

from varireal.asking.meter import request_tokens
from varireal.asking.tokens import count_tokens


def kept_answer(reply: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an answer."""
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
