"""What all config models share: unknown keys are errors, values are frozen, every field says what it means."""

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

SECRET_WORDS = ("key", "apikey", "secret", "password", "passwd", "token", "credential", "credentials")

MAPPINGS_OF_NAMES = ("class_names", "headers", "prices")


class StrictModel(BaseModel):
    """Base of every config block."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Turn the first problems of a validation error into one line: place, key, found value, what is allowed."""
    found = error.errors(include_url=False)
    # a list with a bad member is also reported as too short; the member is what matters
    details = [d for d in found if not any(o["loc"][: len(d["loc"])] == d["loc"] and o is not d for o in found)]
    details = details or found
    lines = [_explain_one(detail, model) for detail in details[:3]]
    more = f" (and {len(details) - 3} more)" if len(details) > 3 else ""
    return "; ".join(lines) + more


def _explain_one(detail: ErrorDetails, model: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        legal = list(_legal_keys(model, detail["loc"][:-1]))
        near = difflib.get_close_matches(key, legal, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"unknown key {place!r}: {hint}allowed here: {', '.join(legal)}"
    if detail["type"] == "missing":
        return f"{place!r} is missing: it must be given"
    message = detail["msg"].removeprefix("Value error, ")
    found = detail.get("input")
    told = detail["type"] == "value_error" or isinstance(found, (dict, list))
    shown = "" if told else f" (found {_short(found)})"
    where = f"{place!r}: " if place else ""
    return f"{where}{message[0].lower()}{message[1:]}{shown}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _legal_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[str]:
    current: Any = model
    for part in location:
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            return
        current = next((a for a in (field.annotation, *_arguments(field.annotation)) if _is_model(a)), None)
    if _is_model(current):
        yield from current.model_fields


def _arguments(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def find_secret(value: object, place: str = "", *, names_are_keys: bool = True) -> str | None:
    """Place of a key whose name or value looks like a secret, or None.

    Args:
        value: a config, or a part of it.
        place: where the part is.
        names_are_keys: whether the keys of a mapping are config keys; in a mapping of names they are data.
    """
    if isinstance(value, dict):
        for key, child in value.items():
            here = f"{place}.{key}" if place else str(key)
            if names_are_keys and _is_secret_name(str(key)):
                return here
            found = find_secret(child, here, names_are_keys=str(key) not in MAPPINGS_OF_NAMES)
            if found:
                return found
    if isinstance(value, list):
        for index, child in enumerate(value):
            found = find_secret(child, f"{place}[{index}]")
            if found:
                return found
    if isinstance(value, str) and _looks_like_key(value):
        return place
    return None


def _is_secret_name(key: str) -> bool:
    """``api_key`` and ``hub-token`` are; ``max_tokens`` and ``api_key_env`` (the name of a variable) are not."""
    return key.lower().replace("-", "_").rpartition("_")[2] in SECRET_WORDS


def _looks_like_key(text: str) -> bool:
    if text.startswith("-----BEGIN"):
        return True
    prefixes = ("sk-", "hf_", "ghp_", "github_pat_", "AKIA", "AIza", "xoxb-")
    random = any(c.isdigit() for c in text) and any(c.isupper() for c in text)
    return text.startswith(prefixes) and len(text) >= 20 and " " not in text and "/" not in text and random
