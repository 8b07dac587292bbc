"""Editing by a hosted model: any server that takes ``POST /images/edits`` as OpenAI's does."""

import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from varireal.backends import BackendContext
from varireal.config.edits import EditInstructions, HostedEdits, PictureServer
from varireal.core.files import error_text
from varireal.core.pictures import encode_png
from varireal.core.seeds import digest
from varireal.editors.frame import InstructionTexts, Letterbox, may_change, settled, target_rgb
from varireal.errors import BackendError
from varireal.hosted.client import NoAnswerError
from varireal.hosted.money import expected_usd
from varireal.hosted.picture_edits import PictureAsker, PictureRequest, RefusedError
from varireal.hosted.replies import NoPictureError
from varireal.hosted.session import Session
from varireal.names import OK, EditStatus
from varireal.records import Array, EditRequest, EditResult, MadeWith, Prompt
from varireal.running.stopping import StoppedError
from varireal.store.items import ItemStore

logger = logging.getLogger(__name__)

_PLACE = "edits.openai_images.server"
_WINDOW = 4  # times the requests under way, so that slow answers hold up few others
_LARGEST = 2048  # long side in pixels of a photo that is sent at its own shape
_MOST_PIXELS = 4096 * 4096
_FORMATS = ("PNG", "JPEG", "WEBP")
# How far the shape of an answer may be from what was sent; beyond, the model has shown another view.
_SHAPE = 0.02
# The endpoint tells neither its number format nor what it runs on.
_HOSTED = MadeWith(1, "hosted", "hosted")


@dataclass(frozen=True, slots=True)
class _HostedEdit:
    """What one edit is asked for with, and how its answer gets back into the photo."""

    frame: Letterbox
    request: PictureRequest


class HostedEditor:
    """Asks a server for edits, and puts what must not change back.

    Args:
        settings: the block ``edits.openai_images``.
        server: where it is, its traffic, prices and budget.
        noun: what all classes are.
        store: item store of the job; the server's pictures are in it before anybody looks at them.
        grace: seconds that answers under way are waited for when a scheduler's signal comes.
    """

    name = "openai_images"
    version = 1
    on_gpu = True  # the CPU is free while the server works

    def __init__(
        self, settings: HostedEdits, server: PictureServer, noun: str, store: ItemStore, *, grace: float
    ) -> None:
        self._settings, self._server = settings, server
        self._wording = InstructionTexts(settings, noun)
        self.revision: str | None = settings.model
        self.batch_size = _WINDOW * server.traffic.concurrency
        self._session = Session(lambda: PictureAsker(settings, server, store, _PLACE, grace=grace))

    @classmethod
    def from_config(cls, settings: HostedEdits, context: BackendContext) -> "HostedEditor":
        """The editor of a job; nothing is sent before the first edit.

        Raises:
            BackendError: there is no store to keep pictures in.
        """
        if context.store is None:
            raise BackendError(f"the editor {cls.name!r} keeps what it paid for; give --store")
        server = context.server if isinstance(context.server, PictureServer) else settings.server
        return cls(settings, server, context.noun, context.store, grace=context.machine.grace_seconds)

    def check(self, prompt: Prompt) -> None:
        """Every prompt can be tried: the model reads plain words."""

    def params(self, prompt: Prompt) -> str:
        """Everything of the settings that pictures of a prompt depend on, as JSON; ``revision`` tells the model."""
        shared = self._settings.for_keys(exclude={*EditInstructions.model_fields, "model", "server"})
        return self._wording.params(prompt, shared)

    def models(self, attribute: str) -> dict[str, str]:  # noqa: ARG002 - one model makes all
        """Name of the model of edits of an attribute, by its place in the config."""
        return {"edits.openai_images.model": self._settings.model}

    def prepare(self, wanted: Iterable[tuple[Prompt, str]]) -> None:
        """Say what the edits of (prompt, class name) are expected to cost, at most."""
        edits = sum(1 for _ in wanted)
        usd = expected_usd(self._settings, edits, self._server)
        price = "price unknown" if usd is None else f"about ${usd:,.2f}"
        logger.info("asking %s for up to %d pictures, %s", self._settings.model, edits, price)

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Make one result per request, in order.

        Raises:
            BudgetReachedError: the next request could pass the budget.
            ServerDownError: the server does not answer, or does not know us.
            StoppedError: a signal has come; ``done`` are the results of the answers that came.
        """
        results = {
            number: EditResult(EditStatus.NO_MASK, "the mask is empty")
            for number, request in enumerate(requests)
            if not request.mask.any()
        }
        jobs = {number: self._job(request) for number, request in enumerate(requests) if number not in results}
        numbers = list(jobs)

        def put(answers: Mapping[int, bytes | EditResult]) -> dict[int, EditResult]:
            for place, answer in answers.items():
                number = numbers[place]
                results[number] = self._result(requests[number], jobs[number], answer)
            return results

        try:
            answers = self._session.run(lambda asker: [_answer(asker, job.request) for job in jobs.values()])
        except StoppedError as stopped:
            stopped.done = put(stopped.done)
            raise
        return [result for _, result in sorted(put(dict(enumerate(answers))).items())]

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _job(self, request: EditRequest) -> _HostedEdit:
        settings, mask = self._settings, request.mask.astype(bool)
        height, width = mask.shape
        frame = Letterbox.fitted((height, width), self._outer(height, width))
        region = may_change(mask, request.prompt.attribute) if settings.send_mask else None
        text = self._wording.text(request.prompt, request.class_name)
        seen = request.image.tobytes(), request.image.shape, b"" if region is None else np.packbits(region).tobytes()
        asked = settings.model, text, settings.size, settings.quality, settings.fidelity, request.seed
        return _HostedEdit(
            frame,
            PictureRequest(
                key=digest("picture edit", *seen, *asked, *settings.later_for_keys()),
                text=text,
                image=encode_png(frame.place(request.image)),
                mask=None if region is None else _mask_png(frame.place_region(region)),
                size=settings.size,
            ),
        )

    def _outer(self, height: int, width: int) -> tuple[int, int]:
        if self._settings.size != "auto":
            wide, _, high = self._settings.size.partition("x")
            return int(high), int(wide)
        scale = min(1.0, _LARGEST / max(height, width))
        return max(1, round(height * scale)), max(1, round(width * scale))

    def _result(self, request: EditRequest, job: _HostedEdit, answer: bytes | EditResult) -> EditResult:
        if isinstance(answer, EditResult):
            return answer
        try:
            picture = _decoded(answer)
        except NoPictureError as error:
            self._session.sender.spoil(job.request.key)
            return _failed(str(error))
        height, width = picture.shape[:2]
        high, wide = job.frame.outer
        if abs(width / height * high / wide - 1) > _SHAPE:
            return _failed(
                f"the server's picture has {width} x {height} pixels for a photo sent at {wide} x {high}, so it shows "
                "another view; set edits.openai_images.size to a size that the model has"
            )
        attribute, mask = request.prompt.attribute, request.mask.astype(bool)
        return EditResult(
            OK,
            image=settled(request.image, mask, attribute, job.frame.back(picture)),
            region=may_change(mask, attribute),
            target_rgb=target_rgb(request.prompt),
            made_with=_HOSTED,
        )


def _failed(reason: str) -> EditResult:
    return EditResult(EditStatus.FAILED, reason, made_with=_HOSTED)


async def _answer(asker: PictureAsker, request: PictureRequest) -> bytes | EditResult:
    try:
        return await asker.picture(request)
    except RefusedError as error:
        return _failed(f"refused: {error}")
    except NoPictureError as error:
        return _failed(str(error))
    except NoAnswerError as error:
        return _failed(f"no answer from the server: {error}")


def _mask_png(region: Array) -> bytes:
    """A mask as the endpoint reads it: transparent where the picture may change."""
    pixels = np.zeros((*region.shape, 4), np.uint8)
    pixels[..., 3] = np.where(region, 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _decoded(data: bytes) -> Array:
    """The server's picture, (h, w, 3) uint8; it is data of a stranger.

    Raises:
        NoPictureError: it is damaged or too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            width, height = opened.size
            if width * height > _MOST_PIXELS:
                raise NoPictureError(f"the server's picture has {width} x {height} pixels, more than can be sensible")
            return np.asarray(opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NoPictureError(f"the server's picture cannot be read: {error_text(error, 200)}") from error
