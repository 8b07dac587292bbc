"""Replies that servers really send and that are no plain answer, and valid replies that are damaged at random."""

import copy
import gzip
import json
import random

from llm_server import completion

PORTAL = b"<!DOCTYPE html><html><head><title>Guest network: please log in</title></head><body>Welcome</body></html>"
JSON = {"Content-Type": "application/json"}


def parts(body, content):
    """A message whose content is a list of parts, thinking among them."""
    listed = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": content}]
    return completion(body, listed)


def called(body, content):
    """The answer as what a tool is called with."""
    call = {"id": "c", "type": "function", "function": {"name": "answer", "arguments": content}}
    return completion(body, None, "tool_calls", tool_calls=[call])


def called_with_object(body, content):
    reply = called(body, content)
    function = reply["choices"][0]["message"]["tool_calls"][0]["function"]
    function["arguments"] = json.loads(function["arguments"])
    return reply


def streamed(body, content):
    """A stream of events, though none was asked for."""
    half = len(content) // 2
    deltas = [{"role": "assistant"}, {"content": content[:half]}, {"content": content[half:]}]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return ("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n").encode()


# Good answers in odd forms: a function of request and text, which gives the body.
GOOD = {
    "parts": parts,
    "tool call": called,
    "tool call with an object": called_with_object,
    "function call": lambda b, c: completion(b, None, "function_call", function_call={"name": "f", "arguments": c}),
    "content that was read": lambda b, c: completion(b, json.loads(c)),
    "stream": streamed,
    "byte order mark": lambda b, c: b"\xef\xbb\xbf" + json.dumps(completion(b, c)).encode(),
    "encoded twice": lambda b, c: json.dumps(json.dumps(completion(b, c))).encode(),
    "usage of texts": lambda b, c: {**completion(b, c), "usage": {"prompt_tokens": "12", "completion_tokens": None}},
    "usage of null": lambda b, c: {**completion(b, c), "usage": None},
    "an error that is none": lambda b, c: {**completion(b, c), "error": {"code": 0, "message": ""}},
    "thinking": lambda b, c: completion(b, f'<think>\nOne like {{"like": "this"}} [1].\n</think>\n\n{c}'),
    "thinking whose beginning is lost": lambda b, c: completion(b, f"so {{a}} it is.\n</think>\n{c}"),
    "thinking that never ends": lambda b, c: completion(b, f"<thinking>First {{x}}. So the answer:\n{c}"),
    "reasoning": lambda b, c: completion(b, f"[THINK]{{[[THINK][/THINK]{c}", reasoning_content="Hm."),
    "channels": lambda b, c: completion(
        b, f"<|channel|>analysis<|message|>{{}}<|end|><|start|>assistant<|channel|>final<|message|>{c}<|return|>"
    ),
    "fence": lambda b, c: completion(b, f"Here {{as asked}}:\n```json\n{c}\n```\nTell me {{more}}."),
    "wrapped": lambda b, c: completion(b, json.dumps({"result": {"text": c}})),
    "the message of Ollama": lambda b, c: {"model": "m", "message": {"role": "assistant", "content": c}, "done": True},
    "Anthropic": lambda b, c: {"type": "message", "role": "assistant", "content": [{"type": "text", "text": c}],
                               "stop_reason": "end_turn"},
    "Gemini": lambda b, c: {"candidates": [{"content": {"parts": [{"text": c}]}, "finishReason": "STOP"}]},
}  # fmt: skip

# No answers, with status 200 or without: (status, body, headers, words that must be shown).
BAD = {
    "error object": (200, {"error": {"message": "upstream melted", "code": 502}}, {}, "upstream melted"),
    "error text": (200, {"error": "model is being loaded"}, {}, "model is being loaded"),
    "error in a choice": (
        200,
        {"choices": [{"error": {"message": "provider lost", "code": 503}, "finish_reason": "error", "message": {}}]},
        {},
        "provider lost",
    ),
    "no choices": (200, {"id": "x", "choices": []}, {}, "there is no message in it"),
    "choices of null": (200, {"choices": None}, {}, "there is no message in it"),
    "choice without a message": (200, {"choices": [{"index": 0}]}, {}, "there is no message in it"),
    "null": (200, b"null", {}, "an empty body"),
    "a list": (200, [1, 2], {}, "there is no message in it"),
    "nothing": (200, b"", {}, "an empty body"),
    "no content": (204, b"", {}, "204 No Content"),
    "portal": (200, PORTAL, {"Content-Type": "text/html"}, "Guest network: please log in"),
    "stream with an error": (200, b'data: {"error": {"message": "worker gone"}}\n\n', {}, "worker gone"),
    "stream that is cut": (200, b'data: {"choices": [{"delta": {"content": "{"}}]}\n\ndata: {"cho', {}, "no message"),
    "gzip that is none": (200, b"{}", {"Content-Encoding": "gzip"}, "packed in a damaged way"),
    "details": (
        422,
        {"detail": [{"loc": ["body", "messages"], "msg": "too many of them", "type": "x", "input": {"seed": 1}}]},
        {},
        "body.messages: too many of them",
    ),
    "detail": (400, {"detail": "no such thing as birds"}, {}, "no such thing as birds"),
    "message": (400, {"object": "error", "message": "model's maximum context length is 512"}, {}, "length is 512"),
    "errors": (
        400,
        {"success": False, "errors": [{"code": 7003, "message": "no route for it"}]},
        {},
        "no route for it",
    ),
    "a list of errors": (400, [{"error": {"code": 400, "message": "role is wrong"}}], {}, "role is wrong"),
    "plain text": (400, b"prompt is too long", {"Content-Type": "text/plain"}, "prompt is too long"),
    "json in a message": (
        400,
        {"error": {"message": json.dumps({"error": {"message": "inner trouble"}})}},
        {},
        "inner trouble",
    ),
    "a page with 400": (400, PORTAL, {"Content-Type": "text/html"}, "Guest network: please log in"),
    "not UTF-8": (400, "café fermé".encode("latin-1"), {"Content-Type": "text/plain; charset=latin-1"}, "café fermé"),
}
_VALUES = (None, [], {}, 0, -1, 1e308, 10**30, True, "", "x", "\ud800", "\u0000", [None], [[]], {"text": 1}, "<html>",
           '{"a": ', float("nan"))  # fmt: skip


def damaged(reply, number):
    """A valid reply, damaged at random; the same for the same number.

    Returns:
        Status, body as bytes, and headers.
    """
    rng = random.Random(number)
    kind = rng.randrange(8)
    if kind <= 3:
        broken = copy.deepcopy(reply)
        for _ in range(rng.randint(1, 3)):
            _change(broken, rng)
        return 200, json.dumps(broken).encode(), {}
    data = bytearray(json.dumps(reply).encode())
    if kind == 4:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return 200, bytes(data), {}
    if kind == 5:
        start = rng.randrange(len(data))
        del data[start : start + rng.randint(1, len(data))]
        return (
            200,
            bytes(data),
            {"Content-Type": rng.choice(("text/html", "text/event-stream", "x", JSON["Content-Type"]))},
        )
    if kind == 6:
        status = rng.choice((201, 204, 400, 408, 413, 418, 422, 429, 500, 502, 503, 504, 599))
        headers = {"Retry-After": rng.choice(("0", "0.01", "x", "-1", "Wed, 99 Foo 2000", "nan"))}
        return status, b"" if status == 204 else bytes(data[: rng.randrange(len(data))]), headers
    packed = gzip.compress(bytes(data))
    cut = rng.choice((len(packed), rng.randrange(len(packed))))
    return 200, packed[:cut], {"Content-Encoding": rng.choice(("gzip", "deflate", "identity", "odd"))}


def _change(value, rng):
    """Change one place somewhere in a tree."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.8:
            value = value[key]
            continue
        what = rng.randrange(4)
        if what == 0:
            del value[key]
        elif what == 1 and isinstance(value[key], str) and value[key]:
            place = rng.randrange(len(value[key]))
            value[key] = (
                value[key][:place]
                + rng.choice(("", "<think>", "</think>", "{", "[", '"', "\n"))
                + value[key][place + 1 :]
            )
        else:
            value[key] = rng.choice(_VALUES)
        return
