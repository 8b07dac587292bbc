"""What is read out of the replies of servers: bodies of any form, answers of chats, pictures, vectors.

One reader for all that servers send, whoever asked. What a body may be is written down in tables, for servers, proxies
before them and portals differ in it. Everything here is data of a stranger: it is read strictly, and never as code.
Light: no client.
"""

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from varireal.core.files import one_line
from varireal.hosted.problems import UnusableError, error_in, items, mapping, no_answer
from varireal.hosted.tokens import count_tokens, request_tokens

# moderation_blocked, content_policy_violation, content_filter, contentFilter, "rejected by the safety system"
_POLICY = re.compile(r"moderation|content[_ ]?(policy|filter|safety)|safety system|responsible ?ai", re.I)

# Marks around what a model thinks before it answers: of DeepSeek, Qwen and those that use other words, of
# Magistral, Kimi and OpenThinker. The opening one may be part of the prompt, and so not be in the answer.
_THINKING = (
    r"<\s*(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think)\b[^<>]*>",
    r"\[THINK\]",
    "\u25c1think\u25b7",
    r"<\|begin_of_thought\|>",
)
_THOUGHT = (
    r"<\s*/\s*(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think)\s*>",
    r"\[/THINK\]",
    "\u25c1/think\u25b7",
    r"<\|end_of_thought\|>",
)
_MARKS = re.compile(f"(?P<begins>{'|'.join(_THINKING)})|{'|'.join(_THOUGHT)}", re.I)
# gpt-oss writes its thinking and its answer as messages of two channels, which some servers pass on as they are.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_MARK = re.compile(r"<\|(?:end|return|start|call)\|>.*", re.S)
# How an answer may have ended, in the words of OpenAI and of those that took them for their own (lower case).
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
_FILTERED = frozenset(
    {"content_filter", "safety", "refusal", "guardrail_intervened", "prohibited_content", "recitation", "blocklist"}
    | {"spii", "sensitive", "image_safety"}
)
_BROKEN = frozenset(
    {"error", "abort", "aborted", "cancelled", "canceled", "load", "unload", "network_error", "timeout"}
    | {"insufficient_system_resource"}
)
_CALLED = frozenset({"tool_calls", "tool_use", "function_call"})


class NoPictureError(Exception):
    """The server answered, but not with a picture."""


def read_body(data: bytes, kind: str = "") -> Any:
    """A reply's body as JSON, whole or as a stream of events that is put together; as text where it is no JSON.

    Args:
        data: the bytes.
        kind: the content type.
    """
    text = _decoded(data, kind).strip()
    if text.startswith(("data:", "event:", ":", "id:")):
        stream = _streamed(text)
        return text if stream is None else stream
    try:
        value = json.loads(text)
        if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
            value = json.loads(value)  # encoded twice
    except (ValueError, RecursionError):
        value = _streamed(text) if text.startswith("{") and "\n" in text else None
        return text if value is None else value
    return value


def _decoded(data: bytes, kind: str) -> str:
    """Bytes as text: by their byte order mark, else as UTF-8, else as the content type says."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        named = re.search(r"charset=[\"']?([\w.:-]+)", kind)
        try:
            return data.decode(named[1] if named else "utf-8", "replace")
        except LookupError:
            return data.decode("utf-8", "replace")


def _streamed(text: str) -> Any:
    """The answer of a stream of events, or of a line of JSON each; None when it is none, or ended too early."""
    chunks, ended = [], False
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith((":", "event:", "id:", "retry:")):
            continue
        payload = line.removeprefix("data:").strip()
        if payload == "[DONE]":
            ended = True
            continue
        try:
            chunk = json.loads(payload)
        except (ValueError, RecursionError):
            return None
        if not isinstance(chunk, dict):
            return None
        if error_in(chunk) is not None:
            return chunk
        chunks.append(chunk)
    pictures = [chunk for chunk in chunks if chunk.get("b64_json")]
    if pictures:
        return {"data": pictures[-1:], "usage": pictures[-1].get("usage")}
    whole = [chunk for chunk in chunks if (choice := _choice(chunk)) and choice.get("message")]
    if len(whole) == 1 and len(chunks) <= 2:
        return whole[0]
    merged = _merged(chunks)
    return merged if merged is not None and (ended or merged["choices"][0]["finish_reason"]) else None


def _merged(chunks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    texts: dict[str, list[str]] = {"content": [], "refusal": []}
    calls: dict[str, list[str]] = {}
    tokens: list[Any] = []
    finish = usage = None
    choices = [choice for chunk in chunks if (choice := _choice(chunk)) is not None]
    for choice in choices:
        delta = mapping(choice.get("delta") or choice.get("message"))
        for name, parts in texts.items():
            parts.append(_text(delta.get(name)) if delta.get(name) else "")
        for call in items(delta.get("tool_calls")):
            arguments = mapping(mapping(call).get("function")).get("arguments")
            calls.setdefault(str(mapping(call).get("index")), []).append(
                arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
            )
        tokens += items(mapping(choice.get("logprobs")).get("content"))
        finish = choice.get("finish_reason") or finish
    for chunk in chunks:
        usage = chunk.get("usage") or usage
    if not choices:
        return None
    message = {name: "".join(parts) for name, parts in texts.items()}
    called = [{"function": {"arguments": "".join(parts)}} for parts in calls.values()]
    choice = {"message": {**message, "tool_calls": called}, "finish_reason": finish, "logprobs": {"content": tokens}}
    return {"choices": [choice], "usage": usage}


def chat_answer(body: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a chat's reply: content, finish_reason, refusal and receipt; logprobs where asked for.

    Args:
        body: see ``read_body``.
        request: what was asked.

    Raises:
        UnusableError: it holds no answer.
    """
    problem = error_in(body)
    if problem is not None:
        raise UnusableError(problem)
    choice = _choice(body)
    if choice is None:
        raise no_answer(body, "there is no message in it")
    problem = error_in({"error": choice.get("error")})
    finish = choice.get("finish_reason") or choice.get("finishReason") or choice.get("stop_reason")
    finish = one_line(finish)[:60] if isinstance(finish, str) else None
    if problem is not None:
        raise UnusableError(problem)
    content, refused = _message(choice)
    answer: dict[str, Any] = {"content": content, "finish_reason": finish, "refusal": refused}
    filtered = _filters(choice)
    if filtered:
        answer["filter"] = filtered
    if not _usable(answer):
        raise no_answer(body, f"it ended with {finish!r}" if finish else "there is no message in it")
    if request.get("logprobs"):
        answer["logprobs"] = _logprobs(choice)
    return {**answer, "paid": _receipt(body, content, request)}


def kept_answer(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An answer of a store as ``chat_answer`` gives it today; None for what is none: an outage left it there.

    Earlier versions kept what came with status 200 whatever it was: errors, replies without choices, messages whose
    content is a list, calls of tools without what they were called with.
    """
    if kept is None or "paid" not in kept:
        return None if kept is None else dict(kept)
    content, finish = kept.get("content"), str(kept.get("finish_reason") or "").lower()
    text, refused = _message({"message": {"content": content, "refusal": kept.get("refusal")}})
    answer = {**kept, "content": text, "refusal": refused}
    lost = content is None and finish in _CALLED
    return None if lost or not _usable(answer) else answer


def _usable(answer: Mapping[str, Any]) -> bool:
    finish = str(answer.get("finish_reason") or "").lower()
    return finish not in _BROKEN and bool(answer["content"].strip() or answer.get("refusal") or finish)


def _choice(body: Any) -> Mapping[str, Any] | None:
    """The first choice of a chat's reply, as OpenAI, Anthropic, Gemini and Ollama have it."""
    if not isinstance(body, Mapping):
        return None
    for key in ("choices", "candidates"):
        choices = body.get(key)
        first = choices[0] if isinstance(choices, list) and choices else choices
        if isinstance(first, Mapping) and first:
            return first
    if isinstance(body.get("message"), Mapping):
        return {"message": body["message"], "finish_reason": body.get("done_reason")}
    if body.get("role") == "assistant" and body.get("content"):
        return {"message": {"content": body["content"]}, "finish_reason": body.get("stop_reason")}
    return None


def _message(choice: Mapping[str, Any]) -> tuple[str, str | None]:
    """Text and refusal of a choice. What a tool was called with is an answer as well; thinking is none."""
    message = next((choice[key] for key in ("message", "delta", "content", "text") if choice.get(key)), None)
    if not isinstance(message, Mapping):
        message = {"content": message}
    content = message.get("content", message if "parts" in message or "text" in message else None)
    text = _text(content)
    refused = message.get("refusal")
    parts = [part for part in items(content) if mapping(part).get("type") == "refusal"]
    refused = refused or next((part.get("refusal") for part in parts), None)
    if not text.strip():
        functions = [mapping(mapping(call).get("function") or call) for call in items(message.get("tool_calls"))]
        functions += [mapping(message.get("function_call"))]
        functions += [mapping(part) for part in items(content) if mapping(part).get("type") == "tool_use"]
        given = [call.get("arguments") or call.get("input") for call in functions]
        text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in given if one)
    return _clean(text), _clean(_text(refused) or json.dumps(refused)) if refused else None


def _text(content: Any) -> str:
    """The text of a message's content: a text, parts of which some are texts, or what a proxy has read already."""
    if content is None or isinstance(content, bool):
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [_part(part) for part in content]
        if any(part is None for part in parts):
            return json.dumps(content)  # JSON that a proxy has read
        return "".join(part or "" for part in parts)
    if isinstance(content, Mapping):
        if isinstance(content.get("parts"), list):
            return _text(content["parts"])
        part = _part(content)
        return json.dumps(content) if part is None else part
    return str(content)


def _part(part: Any) -> str | None:
    """The text of one part; empty for one of another kind, None for what is no part."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping) or not ({"type", "text"} & part.keys()):
        return None
    thinks = part.get("thought") is True or str(part.get("type", "text")).lower() not in ("text", "output_text")
    text = part.get("text")
    if thinks or text is None:
        return ""
    return _text(text.get("value") if isinstance(text, Mapping) else text)


def _clean(text: str) -> str:
    """Without lone surrogates, which cannot be written or sent."""
    return text.encode("utf-8", "replace").decode()


def _filters(choice: Mapping[str, Any]) -> str:
    """Which of Azure's filters held an answer back."""
    results = mapping(choice.get("content_filter_results") or choice.get("content_filter_result"))
    return ", ".join(one_line(str(name))[:40] for name, result in results.items() if mapping(result).get("filtered"))


def said(text: str) -> tuple[str, bool]:
    """What a text says besides its thinking.

    Returns:
        The text, and whether it is known to be the answer: where thinking was begun and not ended, the text is all
        that follows its beginning, and only its end can be an answer.
    """
    if _is_json(text):
        return text, True
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        return _MARK.sub("", text[last.end() :]), last[1].lower() == "final"
    parts: list[str] = []
    place, thinking = 0, None
    for mark in _MARKS.finditer(text):
        if mark["begins"] is None:
            if thinking is None:
                parts.clear()  # the mark before it was part of the prompt
            place, thinking = mark.end(), None
        elif thinking is None:
            parts.append(text[place : mark.start()])
            thinking = mark.end()
    if thinking is None:
        return "".join((*parts, text[place:])), True
    outside = "".join(parts)
    return (outside, True) if "{" in outside or "[" in outside else (text[thinking:], False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def spoken(text: str) -> str:
    """What a text says after its thinking; empty where it does nothing but think."""
    words, sure = said(text)
    return words if sure else ""


def _logprobs(choice: Mapping[str, Any]) -> list[list[tuple[str, float]]] | None:
    """For each token of the answer after its thinking, the likeliest tokens in its place with log-probabilities."""
    tokens = [mapping(token) for token in items(mapping(choice.get("logprobs")).get("content"))]
    if not tokens:
        return None
    texts = [token["token"] if isinstance(token.get("token"), str) else "" for token in tokens]
    whole = "".join(texts)
    words, sure = said(whole)
    if not sure:
        return None
    begins, place, first = len(whole) - len(words) if whole.endswith(words) else 0, 0, 0
    while first < len(texts) and place < begins:
        place += len(texts[first])
        first += 1
    return [_likeliest(token) for token in tokens[first:]] or None


def _likeliest(token: Mapping[str, Any]) -> list[tuple[str, float]]:
    pairs = ((top.get("token"), top.get("logprob")) for top in map(mapping, items(token.get("top_logprobs"))))
    return [
        (_clean(text), min(float(value), 0.0))
        for text, value in pairs
        if isinstance(text, str) and isinstance(value, int | float) and math.isfinite(value)
    ]


def _receipt(body: Any, content: str, request: Mapping[str, Any]) -> dict[str, Any]:
    usage = mapping(mapping(body).get("usage"))
    sent, answered = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    return {
        "model": request["model"],
        "sent": request_tokens(request) if sent is None else sent,
        "answered": count_tokens(content) if sent is None else answered or 0,
        "counted_here": sent is None,
    }


def _count(value: Any) -> int | None:
    """A number of tokens; None for what is none."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return int(value) if usable else None


def refusal(answer: Mapping[str, Any]) -> str:
    """What the model said instead of an answer; empty when it did not refuse."""
    return one_line(str(answer.get("refusal") or ""))


def ends_cut(answer: Mapping[str, Any]) -> bool:
    """Whether an answer ended at the limit of its length."""
    return str(answer.get("finish_reason") or "").lower() in _CUT


def ends_filtered(answer: Mapping[str, Any]) -> bool:
    """Whether a filter of the server held an answer back."""
    return str(answer.get("finish_reason") or "").lower() in _FILTERED or bool(answer.get("filter"))


def why_empty(answer: Mapping[str, Any]) -> str:
    """Why an answer without words is empty, and was not cut."""
    finish = answer.get("finish_reason")
    if ends_filtered(answer):
        which = answer.get("filter")
        return f"the server's content filter ({which or finish}) held the answer back"
    return f"the answer is empty (it ended with {finish!r})" if finish else "the answer is empty"


def is_policy(text: str) -> bool:
    """Whether an error of a server of pictures says that its content policy forbids the edit."""
    return _POLICY.search(text) is not None


def picture_receipt(body: Any, model: str) -> dict[str, Any]:
    """What a picture has cost; zeros where the server counts no tokens."""
    usage = mapping(mapping(body).get("usage"))
    sent, answered = (_count(usage.get(name)) or 0 for name in ("input_tokens", "output_tokens"))
    return {"model": model, "sent": sent, "answered": answered}


def check_pictures(body: Any) -> None:
    """Look whether a body is an answer of a server of pictures, with a picture or without.

    Raises:
        UnusableError: it is none.
    """
    problem = error_in(body)
    if problem is None and isinstance(body, Mapping):
        problem = next((error_in({"error": mapping(one).get("error")}) for one in items(body.get("data"))[:1]), None)
    if problem is not None:
        raise UnusableError(problem)
    if not isinstance(body, Mapping):
        raise no_answer(body, "there is no picture in it")


def encoded_picture(body: Any) -> str:
    """The picture of a reply, as base64.

    Raises:
        NoPictureError: there is none.
    """
    pictures = mapping(body).get("data")
    first = pictures[0] if isinstance(pictures, list) and pictures else pictures
    if isinstance(first, str):
        first = {"b64_json": first}
    first = mapping(first)
    url = first.get("url")
    inline = url if isinstance(url, str) and url[:40].lower().startswith("data:image/") else None
    encoded = first.get("b64_json") or inline
    if isinstance(encoded, str) and encoded.strip():
        head, comma, rest = encoded.strip().partition(",")
        return "".join((rest if comma and head.lower().startswith("data:") else encoded).split())
    held = _filters(first)
    if held:
        raise NoPictureError(f"the server's content filter ({held}) held the picture back")
    if url:
        raise NoPictureError("the server answered with an address instead of a picture; nothing is fetched from there")
    choice = _choice(body)
    text = _message(choice)[0] if choice is not None else first.get("text") or first.get("revised_prompt")
    shown = one_line(text)[:200] if isinstance(text, str) else ""
    raise NoPictureError(f"the server answered with no picture{f', but with: {shown}' if shown else ''}")


def picture_bytes(encoded: str) -> bytes:
    """The bytes of an encoded picture.

    Raises:
        NoPictureError: it is no base64.
    """
    plain = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoPictureError("the server's answer is no base64") from error


def embedded(body: Any, count: int) -> tuple[list[list[float]], int | None]:
    """The vectors of a reply about so many texts, in their order, all of one length; and the tokens that it counts.

    Raises:
        UnusableError: there are not as many, or one is no vector.
    """
    problem = error_in(body)
    if problem is not None:
        raise UnusableError(problem)
    entries = [mapping(entry) for entry in items(mapping(body).get("data"))]
    order = [entry.get("index") for entry in entries]
    if sorted(map(str, order)) == sorted(map(str, range(len(entries)))):
        entries = sorted(entries, key=lambda entry: int(entry["index"]))
    vectors = [_vector(entry.get("embedding")) for entry in entries]
    if len(vectors) != count or not all(vectors) or len({len(vector) for vector in vectors}) != 1:
        raise no_answer(body if not entries else "", f"there are not {count} vectors of one length in it")
    usage = mapping(mapping(body).get("usage"))
    return vectors, _count(usage.get("total_tokens") or usage.get("prompt_tokens"))


def _vector(value: Any) -> list[float]:
    """Numbers, or their four bytes each as base64; empty for what is no vector."""
    if isinstance(value, str):
        try:
            data = picture_bytes(value)
            value = list(struct.unpack(f"<{len(data) // 4}f", data))
        except (NoPictureError, struct.error):
            return []
    numbers = [one for one in items(value) if isinstance(one, int | float) and not isinstance(one, bool)]
    return (
        [float(one) for one in numbers]
        if numbers and len(numbers) == len(value) and all(map(math.isfinite, numbers))
        else []
    )
