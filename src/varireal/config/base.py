"""What all config models share: unknown keys are errors, values are frozen, every field says what it means."""

import difflib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    create_model,
    model_serializer,
)
from pydantic_core import ErrorDetails, to_jsonable_python

from varireal import attributes
from varireal.core.registry import CAPABILITIES, backend_names, is_built_in, listed_names

Fraction = Annotated[float, Field(ge=0, le=1)]
Options = Annotated[
    dict[str, Any],
    Field(description="Keyword arguments for a backend of another package; not for built-in ones."),
]


def _known(capability: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        if not is_built_in(capability, name) and name not in (known := backend_names(capability)):
            raise ValueError(attributes.no_such(CAPABILITIES[capability].noun, name, known))
        return name

    return check


def _offers(capability: str) -> Callable[[dict[str, Any]], None]:
    """For completion alone: a schema that was made without a package must not call its names wrong."""
    return lambda schema: schema.update(examples=listed_names(capability))


SegmenterName = Annotated[str, AfterValidator(_known("segmenters")), Field(json_schema_extra=_offers("segmenters"))]
EditorName = Annotated[str, AfterValidator(_known("editors")), Field(json_schema_extra=_offers("editors"))]
JudgeName = Annotated[str, AfterValidator(_known("judges")), Field(json_schema_extra=_offers("judges"))]
ImageSourceName = Annotated[str, AfterValidator(_known("image_sources"))]
LearnerName = Annotated[str, AfterValidator(_known("learners"))]
ExportName = Annotated[str, AfterValidator(_known("exporters"))]


def lists(capability: str) -> Callable[[dict[str, Any]], None]:
    """For ``json_schema_extra``: the names of a capability, so that schemas and tables list them."""
    return lambda schema: schema.update(enum=listed_names(capability))


def _an_attribute(name: Any) -> Any:
    if isinstance(name, str) and name not in attributes.every():
        raise ValueError(attributes.unknown(name))
    return name


if TYPE_CHECKING:
    AttributeName = str
else:
    AttributeName = Annotated[Literal[tuple(attributes.every())], BeforeValidator(_an_attribute)]


SECRET_WORDS = ("key", "apikey", "secret", "password", "passwd", "token", "credential", "credentials")

MAPPINGS_OF_NAMES = ("class_names", "headers", "prices")


# Context in which a block is written for slices and item keys instead of for people.
_FOR_KEYS = {"for_keys": True}


@dataclass(frozen=True, slots=True)
class Added:
    """Marks a config key that is younger than studies that people have finished.

    ``colours: Annotated[int, Field(description="..."), Added(before=0)] = 8``

    While the key has the value that means what the code did before there was such a key, it is left out of slices and
    item keys, so nothing that was made before is made again. That value need not be the key's default.

    Attributes:
        before: the value that means what the code did before.
    """

    before: Any

    @property
    def value(self) -> Any:
        """``before``; of a block without the keys that were added to it later still."""
        return self.before.as_before() if isinstance(self.before, StrictModel) else self.before


class StrictModel(BaseModel):
    """Base of every config block."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_added(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if info.context == _FOR_KEYS:
            for name, added in _added(type(self)):
                if getattr(self, name) == added.value:
                    values.pop(name, None)
        return values

    def for_keys(self, *, include: Collection[str] | None = None, exclude: Collection[str] = ()) -> dict[str, Any]:
        """The values that results depend on, JSON-able, for slices and item keys; see ``Added``.

        Args:
            include: names of the fields to take; None takes all.
            exclude: names of fields to leave out.
        """
        chosen = None if include is None else set(include)
        return self.model_dump(mode="json", include=chosen, exclude=set(exclude), context=_FOR_KEYS)

    def for_keys_json(self, *, exclude: Collection[str] = ()) -> str:
        """As ``for_keys``, as JSON in the order of the fields."""
        return self.model_dump_json(exclude=set(exclude), context=_FOR_KEYS)

    def later_for_keys(self) -> tuple[str, ...]:
        """Keys of this block that were added later and say something new, as ``name=value``.

        For item keys that list some of a block's values one by one: those of today's keys stay the same text.
        """
        values = self.for_keys(include=[name for name, _ in _added(type(self))])
        return tuple(f"{name}={json.dumps(values[name], sort_keys=True)}" for name in sorted(values))

    def as_before(self) -> Self:
        """The block as it was before any key was added, for blocks that are not chosen."""
        update = {name: added.value for name, added in _added(type(self))}
        for name in type(self).model_fields.keys() - update:
            value = getattr(self, name)
            if isinstance(value, StrictModel):
                update[name] = value.as_before()
        return self.model_copy(update=update)

    def without(self, names: Collection[str]) -> Self:
        """The block with those of some keys that were added later as before, so that they are in no slice."""
        return self.model_copy(update={name: added.value for name, added in _added(type(self)) if name in names})


def block_of(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type[StrictModel]:
    """A block whose keys come from a table: the annotation and the default of each."""
    return create_model(name, __base__=StrictModel, **dict(fields))  # type: ignore[no-any-return, call-overload]


B = TypeVar("B", bound=StrictModel)


def from_keys(model: type[B], text: bytes) -> B:
    """Read what ``for_keys`` gave, as JSON, now or in an earlier version.

    A key that is not there was left out, or there was none yet: it has the value that means what the code did before.
    A validator of the models could not do that: behind one, pydantic takes JSON for Python values, whose strict types
    are others.

    Raises:
        ValidationError: it is no such block.
        ValueError: it is no JSON.
    """
    return model.model_validate(completed(model, json.loads(text)))


def completed(model: type[BaseModel], values: Any) -> Any:
    """JSON of a block with the values of keys that were added later; anything else is for the validation to refuse."""
    if not isinstance(values, dict):
        return values
    known = {name: to_jsonable_python(added.value) for name, added in _added(model)} | values
    for name, field in model.model_fields.items():
        inner = next((a for a in _every_argument(field.annotation) if _is_model(a)), None)
        if inner is not None and name in known:
            known[name] = _completed_inside(inner, field.annotation, known[name])
    return known


def _completed_inside(model: type[BaseModel], annotation: Any, values: Any) -> Any:
    """As ``completed``, of a block, or of a list or mapping of blocks."""
    if isinstance(values, list):
        return [completed(model, value) for value in values]
    if isinstance(values, dict) and any(get_origin(a) is dict for a in _every_argument(annotation)):
        return {key: completed(model, value) for key, value in values.items()}
    return completed(model, values)


def _every_argument(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _every_argument(argument)


def _added(model: type[BaseModel]) -> Iterator[tuple[str, Added]]:
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Added):
                yield name, mark


def explain(error: ValueError, model: type[BaseModel]) -> str:
    """Turn the first problems of a validation error into one line: place, key, found value, what is allowed."""
    if not isinstance(error, ValidationError):
        return f"no JSON ({error})"
    errors = error.errors(include_url=False)
    # a list with a bad member is also reported as too short; the member is what matters
    details = [d for d in errors if not any(o["loc"][: len(d["loc"])] == d["loc"] and o is not d for o in errors)]
    details = details or errors
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
    value = detail.get("input")
    speaks = detail["type"] == "value_error" or isinstance(value, (dict, list))  # the message says what was given
    shown = "" if speaks else f" (found {_short(value)})"
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
        current = next((a for a in _every_argument(field.annotation) if _is_model(a)), None)
    if _is_model(current):
        yield from current.model_fields


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
            secret = find_secret(child, here, names_are_keys=str(key) not in MAPPINGS_OF_NAMES)
            if secret:
                return secret
    if isinstance(value, list):
        secrets = (find_secret(child, f"{place}[{index}]") for index, child in enumerate(value))
        return next(filter(None, secrets), None)
    return place if isinstance(value, str) and _looks_like_key(value) else None


def _is_secret_name(key: str) -> bool:
    """``api_key`` and ``hub-token`` are; ``max_tokens`` and ``api_key_env`` (the name of a variable) are not."""
    return key.lower().replace("-", "_").rpartition("_")[2] in SECRET_WORDS


def _looks_like_key(text: str) -> bool:
    if text.startswith("-----BEGIN"):
        return True
    prefixes = ("sk-", "hf_", "ghp_", "github_pat_", "AKIA", "AIza", "xoxb-")
    random = any(c.isdigit() for c in text) and any(c.isupper() for c in text)
    return text.startswith(prefixes) and len(text) >= 20 and " " not in text and "/" not in text and random
