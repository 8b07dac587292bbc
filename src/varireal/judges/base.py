"""What every judge is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from varireal.core.pictures import decode_png, encode_png

if TYPE_CHECKING:
    from PIL import Image

    from varireal.config.verdicts import GatesByAttribute  # a package's row and judge may share a module

_GREY, _GREY_SIDE = 128, 448


@cache
def grey_picture() -> bytes:
    """The control: a picture without content, as PNG."""
    return encode_png(np.full((_GREY_SIDE, _GREY_SIDE, 3), _GREY, np.uint8))


def shown_picture(data: bytes, long_side: int | None) -> "Image.Image":
    """An encoded picture as RGB, made smaller when its longest side is more than ``long_side`` pixels.

    Raises:
        DataError: the bytes are not a picture.
    """
    from PIL import Image  # here, because gates ask no model and look at no picture

    picture = Image.fromarray(decode_png(data))
    scale = 1.0 if long_side is None else min(1.0, long_side / max(picture.size))
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one candidate.

    Attributes:
        accepted: True only if every gate passed.
        reasons: ``code: detail`` for each gate that failed; empty when accepted.
    """

    accepted: bool
    reasons: tuple[str, ...]


class Judge(Protocol):
    """Judges candidates by their rows.

    Attributes:
        name: the key that selects it in the config.
        version: raised whenever the same candidate may get another verdict.
        revision: the pinned revision of a model, None for a judge without weights.
    """

    name: str
    version: int
    revision: str | None

    def judge(self, candidates: Sequence[Mapping[str, Any]], gates: "GatesByAttribute") -> list[Verdict]:
        """Return one verdict per row of edits, in order; a verdict never depends on its neighbours."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions about one picture.

    Attributes:
        picture: the encoded picture.
        texts: the questions, each a whole message.
    """

    picture: bytes
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says to one question.

    Attributes:
        p_yes: probability of yes among yes and no, 0..1; None when the answer is neither.
        mass: probability of yes and no together; None when the answer was read from its words.
        told: what was said or what went wrong, for an answer that is neither.
        kept: False for an answer that another attempt may improve, such as a server's failure.
    """

    p_yes: float | None
    mass: float | None = None
    told: str = ""
    kept: bool = True


class AskedJudge(Protocol):
    """A model that answers questions with yes or no. What follows from the answers is not its business.

    Attributes:
        name: the key that selects it in the config.
        version: raised whenever the same question may get another answer.
        revision: the pinned revision of a model, None when nobody knows it.
        model: id of the model.
        pictures: how many pictures it likes to get at once.
        identity: everything else that an answer depends on, as text.
    """

    name: str
    version: int
    revision: str | None
    model: str
    pictures: int
    identity: str

    def ask(self, asked: Sequence[Asked]) -> Iterator[tuple[Answer, ...]]:
        """Yield the answers about each picture, in order; an answer never depends on its neighbours.

        Raises:
            BackendError: the model cannot run here, or the server does not answer.
        """
        ...

    @property
    def news(self) -> tuple[str, ...]:
        """What a person should know at the end, such as the price."""
        ...

    def close(self) -> None:
        """Let go of the model or the connections."""
        ...
