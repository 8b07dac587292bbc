"""Making candidates: look each item up, edit what is missing, measure it, keep it.

The stages ``edits`` and ``priors`` and the command ``varireal replay`` make their pictures by this code.
"""

import base64
import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from varireal import names
from varireal.attributes import attribute_row, function_at, named, packages, problem_text
from varireal.backends import NO_MACHINE, BackendContext, make_backend
from varireal.config.slices import EditsSlice, MachineSlice
from varireal.core.files import one_line
from varireal.core.pictures import decode_png, encode_png
from varireal.core.provenance import ITEM_VERSIONS
from varireal.core.registry import blame, digital_source_type, outside_packages
from varireal.core.seeds import digest, stable_int
from varireal.datasets.decoding import RejectedImageError, read_photo, reading_key
from varireal.editors.base import (
    Answered,
    DrawsPriors,
    Editor,
    HasParams,
    NamesModels,
    PoolEntry,
    Prepares,
    answers,
    composite,
)
from varireal.errors import BackendError, DataError, VariRealError
from varireal.metrics import measures
from varireal.metrics.measures import measure
from varireal.metrics.receipts import flat_reason
from varireal.names import EditStatus
from varireal.records import Array, EditRequest, EditResult, MadeWith, MeasuredEdit
from varireal.running import job_record
from varireal.running.logs import tell_failure
from varireal.running.room import Room
from varireal.running.stopping import StoppedError
from varireal.segmenters.quality import decode_mask, encode_mask
from varireal.stages.common import Item
from varireal.store import tables
from varireal.store.items import ItemStore, pack, unpack
from varireal.store.schemas import PRIORS

logger = logging.getLogger(__name__)

Row = dict[str, Any]
# Measures that came later, as the slice has them: identity by column, by attribute.
Later = Mapping[str, Mapping[str, str]]

PER_GROUP = 1  # of the table of priors: the number of a row is that of its group, so one picture can be read alone


class NoPriorError(Exception):
    """A prior picture is not in the pool; the message says why."""


class PriorPool:
    """The prior pictures of a setting: a table that the stage priors makes, read one picture at a time.

    Raises:
        DataError: the table is damaged or missing.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, tables.check(path, PRIORS)
        rows = tables.read(path, PRIORS, ["prior_id", "status", "reason"])
        self._places = {row["prior_id"]: (number, row) for number, row in enumerate(rows)}
        self._read = lru_cache(maxsize=64)(self._picture)

    def picture(self, prior_id: str) -> Array:
        """The picture, (S, S, 3) uint8.

        Raises:
            NoPriorError: there is none.
        """
        return self._read(prior_id)

    def _picture(self, prior_id: str) -> Array:
        if prior_id not in self._places:
            raise NoPriorError(f"the prior picture {prior_id} is not in {self._path}; run the stage priors again")
        number, row = self._places[prior_id]
        if row["status"] != names.OK:
            raise NoPriorError(f"its prior picture could not be made: {row['reason']}")
        return decode_png(self._file.read_row_group(number, columns=["image"])["image"][0].as_py())


def make_editor(config: EditsSlice, machine: MachineSlice, store: ItemStore | None = None) -> Editor:
    """The configured editor.

    Raises:
        BackendError: it cannot be loaded, or cannot make an attribute of the study.
    """
    context = BackendContext(machine.machine, config.noun, machine.editing, store)
    return cast(Editor, make_backend("editors", config.edits.backend, config.edits, context))


def batch_size(config: EditsSlice, editor: Editor) -> int:
    """Items that the editor gets at once: as configured, else as many as it likes."""
    return config.edits.batch_size or int(getattr(editor, "batch_size", 1))


@dataclass(frozen=True, slots=True)
class Edit:
    """An item with the editor's answer.

    Attributes:
        item: what was wanted.
        request: what the editor was given; None when it could not be put together.
        result: its answer.
        seconds: the item's share of the time that the editor took.
        together: items that it was given at once.
        blamed: package of an editor of another package, for the reason of what cannot be used.
    """

    item: Item
    request: EditRequest | None
    result: EditResult
    seconds: float
    together: int
    blamed: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """An item that was edited and measured.

    Attributes:
        item: what was wanted.
        row: columns of edits that the making decides.
        data: the picture as PNG; None when there is none.
        seconds: as in ``Edit``.
        mask: the object in the edit as PNG; None when its outline is the photo's.
    """

    item: Item
    row: dict[str, Any]
    data: bytes | None
    seconds: float
    mask: bytes | None = None


def failure(result: EditResult) -> dict[str, Any]:
    """Columns of an item without a picture."""
    return {"status": str(result.status), "reason": result.reason, **_how(result.made_with)}


def measured(edit: Edit, later: Later) -> Made:
    """Measure an answer; one that cannot be measured is a failed item, not a picture.

    Raises:
        BackendError: a measure of another package is not there.
    """
    item, result = edit.item, edit.result
    if result.status != names.OK or edit.request is None:
        return Made(item, failure(result), None, edit.seconds)
    try:
        image, mask, receipt = _checked(item, edit.request, result, later.get(item.attribute, {}))
    except BackendError:
        raise
    except Exception as error:  # noqa: BLE001 - the item's row says what happened
        tell_failure(logger, "the result for %s cannot be used", item.candidate_id, error=error)
        failed = EditResult(EditStatus.FAILED, problem_text(error) + edit.blamed)
        return Made(item, failure(failed), None, edit.seconds)
    flat = flat_reason(image, result.region) if result.region is not None else None
    if flat is not None:
        return Made(item, failure(replace(result, status=EditStatus.FLAT, reason=flat)), None, edit.seconds)
    how = _how(result.made_with) or {"batch_size": edit.together, "dtype": "uint8", "device": "cpu"}
    outline = None if mask is None else encode_mask(mask)
    return Made(item, {**receipt, **how}, encode_png(image), round(edit.seconds, 4), outline)


def measure_all(edits: Sequence[Edit], later: Later) -> list[Made]:
    """Edits with their receipts and coded pictures; touches no store, so it may run beside the editor."""
    return [measured(edit, later) for edit in edits]


def _how(made_with: MadeWith | None) -> dict[str, Any]:
    if made_with is None:
        return {}
    return {**asdict(made_with), "marks": list(made_with.marks)}


def _checked(
    item: Item, request: EditRequest, result: EditResult, later: Mapping[str, str]
) -> tuple[Array, Array | None, dict[str, float | None]]:
    """The picture with the photo's own pixels outside the region, its own mask if it has one, and its receipt.

    The editor composites too; doing it here makes the promise hold for every backend.

    Raises:
        ValueError: the result has no picture or region, or they or its mask do not fit the photo.
    """
    if result.image is None or result.region is None:
        raise ValueError("the editor said ok but gave no picture or no region")
    if np.asarray(result.region).dtype != bool:  # 0 and 255, or labels, would be taken for something else
        raise ValueError(f"the editor's region is {np.asarray(result.region).dtype}, expected bool")
    image = composite(request.image, result.image, result.region)
    mask = _own_mask(request, result)
    edit = MeasuredEdit(
        request.image,
        image,
        request.mask if mask is None else mask,
        result.region,
        item.attribute,
        result.target_rgb,
        photo_mask=request.mask,
    )
    return image, mask, measure(edit, later)


def _own_mask(request: EditRequest, result: EditResult) -> Array | None:
    """The object's mask in the edit; None when the editor gave none, or the photo's.

    Raises:
        ValueError: it is no mask of the picture, or empty.
    """
    if result.mask is None:
        return None
    mask, wanted = np.asarray(result.mask), request.image.shape[:2]
    if mask.dtype != bool or mask.shape != wanted:
        raise ValueError(f"the editor's mask is {mask.dtype} of shape {mask.shape}, expected bool of shape {wanted}")
    if not mask.any():
        raise ValueError("the editor's mask is empty; expected the object's pixels in the edit, or None")
    return None if np.array_equal(mask, request.mask) else mask


def _mask_columns(facts: Mapping[str, Any]) -> Row:
    """Columns of the edit's own mask, of what the store keeps; none where it has none."""
    if "mask" not in facts:
        return {}
    mask = base64.b64decode(facts["mask"])
    return {"edit_mask": mask, "edit_mask_sha256": hashlib.sha256(mask).hexdigest()}


def _inapplicable(request: EditRequest) -> EditResult | None:
    """The answer to a request whose photo the attribute cannot be applied to; None where it can."""
    place, who = attribute_row(request.prompt.attribute).applies, f"the attribute {named(request.prompt.attribute)}"
    try:
        reason = function_at(place, who)(request.image, request.mask) if place else None
    except VariRealError:
        raise
    except Exception as error:  # noqa: BLE001 - a function of another package may fail in any way
        return EditResult(EditStatus.FAILED, f"{place} of {who}: {problem_text(error)}")
    if reason is None or (isinstance(reason, str) and reason.strip()):
        return None if reason is None else EditResult(EditStatus.NOT_APPLICABLE, one_line(reason))
    return EditResult(EditStatus.FAILED, f"{place} of {who} gave {reason!r}, expected a sentence or None")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished item; small, because a job holds one for each of its items.

    Attributes:
        row: its row of edits where there is no picture; empty where there is one, because the store has the rest.
        key: where the store has picture and receipt; None when there is none.
        new: whether it was computed now.
    """

    row: Row
    key: str | None
    new: bool

    @property
    def status(self) -> str:
        """Of its row; what the store keeps is ok."""
        return str(self.row.get("status", names.OK))


class CandidateMaker:
    """Makes the candidates of one job.

    Args:
        config: the slice of the stage edits.
        masks: rows of masks by image id.
        store: the job's item store.
        room: watches the disk.
        machine: what models run on, and the server of a hosted editor.
        priors: the setting's pool of prior pictures, where the editor draws from one.
    """

    def __init__(
        self,
        config: EditsSlice,
        masks: Mapping[str, Mapping[str, Any]],
        store: ItemStore,
        room: Room,
        *,
        machine: MachineSlice = NO_MACHINE,
        priors: PriorPool | None = None,
    ) -> None:
        self._config, self._masks, self._store, self._room, self._priors = config, masks, store, room, priors
        self._editor = make_editor(config, machine, store)
        self._blamed = blame("editors", self._editor.name)
        self._params: dict[tuple[str, str], str] = {}
        # asking a protocol takes longer than all the rest of a key
        self._has_params, self._draws = isinstance(self._editor, HasParams), isinstance(self._editor, DrawsPriors)
        self._options = json.dumps(config.edits.options, sort_keys=True)
        self._reading = reading_key(config.reading)

    @property
    def facts(self) -> dict[str, Any]:
        """What the table says of the editor: what its pictures are, and the models of each attribute."""
        edits, measured = self._config.edits, self._config.measures.values()
        rows = packages(edits.attributes) | measures.packages(column for columns in measured for column in columns)
        kind = {
            "digital_source_type": digital_source_type(edits.backend, self._editor),
            **outside_packages([("editors", edits.backend)], rows),
        }
        if not isinstance(self._editor, NamesModels):
            return kind
        return {**kind, "models": {attribute: self._editor.models(attribute) for attribute in edits.attributes}}

    def close(self) -> None:
        """Let go what the editor holds, such as connections."""
        close = getattr(self._editor, "close", None)
        if close is not None:
            close()

    def make(self, items: Sequence[Item]) -> Iterator[Candidate]:
        """Yield one candidate per item, in order; what is computed is in the store before it is yielded."""
        known = [self._without_editing(item) for item in items]
        edited = self._edited([item for item, candidate in zip(items, known, strict=True) if candidate is None])
        for candidate in known:
            yield candidate or next(edited)

    def rows(self, items: Sequence[Item], candidates: Sequence[Candidate]) -> Iterator[Row]:
        """Yield the rows of items and their candidates with their pictures, one in memory at a time.

        Raises:
            DataError: the store lost a picture since it was made.
        """
        for item, candidate in zip(items, candidates, strict=True):
            if candidate.key is None:
                yield candidate.row
                continue
            value = self._store.get(candidate.key)
            if value is None:
                raise DataError(
                    f"the item store lost {item.candidate_id} while the job ran; run the same command again"
                )
            facts, picture = unpack(value)
            yield {**self._base_row(item, candidate.key), **facts["row"], "image": picture, **_mask_columns(facts)}

    def _without_editing(self, item: Item) -> Candidate | None:
        """A candidate that is known without the editor: from the store, or because it cannot be made."""
        if item.prompt is None:
            reason = f"class {item.photo['class_name']!r} has fewer prompts than edits per image"
            return self._failed(item, failure(EditResult(EditStatus.NO_PROMPT, reason)))
        mask = self._masks.get(item.photo["image_id"])
        if mask is None or mask["status"] != names.OK:
            reason = "the photo has no mask" if mask is None else f"{mask['status']}: {mask['reason']}"
            return self._failed(item, failure(EditResult(EditStatus.NO_MASK, reason)))
        key = self._key(item)
        value = self._store.get(key)
        if value is None:
            return None
        self._room.count(len(value))
        return Candidate({}, key, new=False)

    def _edited(self, items: Sequence[Item]) -> Iterator[Candidate]:
        """Candidates of items that have to be made, in batches of the editor's liking."""
        if not items:
            return
        job_record.permit()
        if isinstance(self._editor, Prepares):
            self._editor.prepare([(item.prompt, item.photo["class_name"]) for item in items if item.prompt])
        size = batch_size(self._config, self._editor)
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        if getattr(self._editor, "on_gpu", False):
            yield from self._edited_beside(batches)
            return
        for batch in batches:
            job_record.permit()
            yield from [self._keep(made) for made in measure_all(self._edit(batch), self._config.measures)]

    def _edited_beside(self, batches: Sequence[Sequence[Item]]) -> Iterator[Candidate]:
        """As ``_edited``: while the GPU edits a batch, the CPU measures and encodes the one before."""
        with ThreadPoolExecutor(1) as side:
            waiting: Future[list[Made]] | None = None
            try:
                for batch in batches:
                    job_record.permit()
                    edits = self._edit(batch)
                    ready, waiting = waiting, side.submit(measure_all, edits, self._config.measures)
                    if ready is not None:
                        yield from [self._keep(made) for made in ready.result()]
            except (GeneratorExit, KeyboardInterrupt, VariRealError, StoppedError):  # the batch beside is kept too
                if waiting is not None:
                    for made in waiting.result():
                        self._keep(made)
                raise
            if waiting is not None:
                yield from [self._keep(made) for made in waiting.result()]

    def _edit(self, items: Sequence[Item]) -> list[Edit]:
        """What the editor makes of items; of a batch that a signal cuts short, what it made is kept here.

        Raises:
            StoppedError: a signal has come.
        """
        requests: dict[str, EditRequest] = {}
        results: dict[str, Answered] = {}
        for item in items:
            try:
                request = self._request(item)
                refused = _inapplicable(request)
                if refused is None:
                    requests[item.candidate_id] = request
                else:
                    results[item.candidate_id] = refused, 1
            except RejectedImageError as error:
                results[item.candidate_id] = EditResult(EditStatus.IMAGE_UNREADABLE, str(error)), 1
            except NoPriorError as error:
                results[item.candidate_id] = EditResult(EditStatus.FAILED, str(error)), 1
        start = time.monotonic()
        ids, blamed = list(requests), self._blamed

        def edits() -> list[Edit]:
            seconds = (time.monotonic() - start) / max(len(ids), 1)
            return [
                Edit(item, requests.get(id_ := item.candidate_id), results[id_][0], seconds, results[id_][1], blamed)
                for item in items
                if item.candidate_id in results
            ]

        try:
            results.update(zip(ids, answers(self._editor, list(requests.values())), strict=True))
        except StoppedError as stopped:
            results.update({ids[number]: result for number, result in stopped.done.items()})
            for edit in edits():  # one by one: the process may be killed a moment later
                self._keep(measured(edit, self._config.measures))
            raise
        return edits()

    def _keep(self, made: Made) -> Candidate:
        """Keep a picture in the store, and make the candidate."""
        item = made.item
        if made.data is None:
            return self._failed(item, made.row)
        key = self._key(item)
        facts: dict[str, Any] = {"row": made.row, "seconds": made.seconds}
        if made.mask is not None:
            facts["mask"] = base64.b64encode(made.mask).decode()
        value = pack(facts, made.data)
        self._store.put(key, value)
        self._room.count(len(value))
        logger.debug("computed %s (%s)", item.candidate_id, item.prompt.name if item.prompt else "")
        return Candidate({}, key, new=True)

    def _failed(self, item: Item, columns: Row) -> Candidate:
        key = self._key(item) if item.prompt and self._mask(item) is not None else ""
        return Candidate(self._base_row(item, key) | columns, None, new=False)

    def _mask(self, item: Item) -> bytes | None:
        """PNG of the mask that an edit gets; None when the photo has none."""
        mask = self._masks.get(item.photo["image_id"])
        return None if mask is None else mask["smoothed"] or mask["mask"]

    def _request(self, item: Item) -> EditRequest:
        mask = self._mask(item)
        if item.prompt is None or mask is None:
            raise ValueError("an item without a prompt or a mask cannot be edited")
        photo = read_photo(item.photo, self._config.reading)
        entry = self._drawn(item)
        prior = None if entry is None or self._priors is None else self._priors.picture(entry.prior_id)
        return EditRequest(photo.image, decode_mask(mask), item.prompt, item.seed, item.photo["class_name"], prior)

    def _drawn(self, item: Item) -> PoolEntry | None:
        """The prior picture that an item starts from; both arms draw the same number."""
        if item.prompt is None or not self._draws:
            return None
        editor = cast(DrawsPriors, self._editor)
        entries = editor.pool(item.prompt, item.photo["class_name"], self._config.seed)
        return entries[stable_int("draw", item.seed) % len(entries)] if entries else None

    def _key(self, item: Item) -> str:
        """Digest of everything that the picture and its receipt depend on."""
        editor, prompt, drawn = self._editor, item.prompt, self._drawn(item)
        return digest(
            "edit",
            ITEM_VERSIONS["edits"],
            item.photo["sha256"],
            self._reading,
            self._mask(item),
            item.attribute,
            *(("", "", "") if prompt is None else (prompt.name, prompt.description, prompt.rgb)),
            item.photo["class_name"] if self._has_params else "",  # such an editor may write it into its text
            item.seed,
            editor.name,
            editor.version,
            editor.revision,
            self._params_of(item),
            "" if drawn is None else drawn.prior_id,
            *(f"{column} {of}" for column, of in sorted(self._config.measures.get(item.attribute, {}).items())),
        )

    def _params_of(self, item: Item) -> str:
        """The editor's settings for an item's setting."""
        if item.prompt is None or not self._has_params:
            return self._options
        setting = (item.attribute, item.feasibility)
        if setting not in self._params:
            self._params[setting] = cast(HasParams, self._editor).params(item.prompt)
        return self._params[setting]

    def _base_row(self, item: Item, params_digest: str) -> Row:
        """Columns of edits that are known before anything is made."""
        prompt, revision, mask = item.prompt, self._editor.revision, self._mask(item)
        version = str(self._editor.version) if revision is None else f"{self._editor.version} {revision}"
        return {
            "candidate_id": item.candidate_id,
            "image_id": item.photo["image_id"],
            "class_id": item.photo["class_id"],
            "class_name": item.photo["class_name"],
            "attribute": item.attribute,
            "feasibility": item.feasibility,
            "k": item.k,
            "round": item.round,
            "pair_id": item.pair_id,
            "prompt_id": prompt.prompt_id if prompt else "",
            "prompt_name": prompt.name if prompt else "",
            "prompt_description": prompt.description if prompt else "",
            "prompt_rgb": prompt.rgb if prompt else "",
            "seed": item.seed,
            "backend": self._editor.name,
            "backend_version": version,
            "source_sha256": item.photo["sha256"],
            "mask_sha256": None if mask is None else hashlib.sha256(mask).hexdigest(),
            "status": names.OK,
            "reason": "",
            "params_digest": params_digest,
        }
