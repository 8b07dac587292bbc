"""Making candidates: look each item up, edit what is missing, measure it, keep it."""

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

from varireal import names
from varireal.backends import NO_MACHINE, BackendContext, make_backend
from varireal.config.slices import EditsSlice, MachineSlice
from varireal.core.pictures import decode_png, encode_png
from varireal.core.provenance import ITEM_VERSIONS
from varireal.core.registry import digital_source_type
from varireal.core.seeds import digest, stable_int
from varireal.datasets.decoding import RejectedImageError, read_photo, reading_key
from varireal.editors.base import DrawsPriors, Editor, HasParams, NamesModels, PoolEntry, Prepares, composite
from varireal.errors import DataError, VariRealError
from varireal.metrics.receipts import Receipt, flat_reason, measure
from varireal.names import EditStatus
from varireal.records import Array, EditRequest, EditResult, MadeWith
from varireal.running import job_record
from varireal.running.room import Room
from varireal.running.stopping import StoppedError
from varireal.segmenters.quality import decode_mask
from varireal.stages.common import Item
from varireal.store import tables
from varireal.store.items import ItemStore, pack, unpack
from varireal.store.schemas import PRIORS

# The pool of prior pictures of a setting: a table that the stage priors makes and the stage edits draws from.

PER_GROUP = 1  # the number of a row is that of its group, so that one picture can be read alone


class NoPriorError(Exception):
    """A prior picture is not in the pool; the message says why."""


class Pool:
    """Reads prior pictures by their id, one at a time.

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


# From an editor's answer to a row: the photo's pixels put back, the receipt measured, the picture coded.

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edit:
    """An item with the editor's answer.

    Attributes:
        item: what was wanted.
        request: what the editor was given; None when it could not be put together.
        result: its answer.
        seconds: the item's share of the time that the editor took.
        together: items that it was given at once.
    """

    item: Item
    request: EditRequest | None
    result: EditResult
    seconds: float
    together: int


@dataclass(frozen=True, slots=True)
class Made:
    """An item that was edited and measured.

    Attributes:
        item: what was wanted.
        row: columns of edits that the making decides.
        data: the picture as PNG; None when there is none.
        seconds: as in ``Edit``.
    """

    item: Item
    row: dict[str, Any]
    data: bytes | None
    seconds: float


def answers(editor: Editor, requests: list[EditRequest]) -> list[EditResult]:
    """What an editor makes of requests, one result each; a bug of it on one item ends as a failed item.

    Raises:
        VariRealError: a model or server cannot be used, which is no fault of an item.
        StoppedError: a signal has come; ``done`` are the results that there are, by the request's number.
    """
    if not requests:
        return []
    try:
        results = editor.edit(requests)
    except VariRealError:
        raise
    except Exception as error:  # a backend's bug on one item must not end the stage
        if len(requests) > 1:
            return _one_by_one(editor, requests)
        logger.exception("the editor failed")
        return [EditResult(EditStatus.FAILED, f"{type(error).__name__}: {error}")]
    if len(results) != len(requests):
        reason = f"the editor gave {len(results)} results for {len(requests)} items"
        return [EditResult(EditStatus.FAILED, reason)] * len(requests)
    return results


def _one_by_one(editor: Editor, requests: list[EditRequest]) -> list[EditResult]:
    found: list[EditResult] = []
    for request in requests:
        try:
            found += answers(editor, [request])
        except StoppedError as stopped:
            stopped.done = dict(enumerate([*found, *stopped.done.values()]))
            raise
    return found


def base_row(item: Item, editor: Editor, mask: bytes | None) -> dict[str, Any]:
    """Columns of edits that are known before anything is made; ``params_digest`` is the caller's.

    Args:
        item: what is wanted.
        editor: who makes it.
        mask: PNG of the photo's mask; None when it has none.
    """
    prompt, revision = item.prompt, editor.revision
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
        "backend": editor.name,
        "backend_version": str(editor.version) if revision is None else f"{editor.version} {revision}",
        "source_sha256": item.photo["sha256"],
        "mask_sha256": None if mask is None else hashlib.sha256(mask).hexdigest(),
        "status": names.OK,
        "reason": "",
    }


def failure(result: EditResult) -> dict[str, Any]:
    """Columns of an item without a picture."""
    return {"status": str(result.status), "reason": result.reason, **_how(result.made_with)}


def measured(edit: Edit) -> Made:
    """Measure an answer; one that cannot be measured is a failed item, not a picture."""
    item, result = edit.item, edit.result
    if result.status != names.OK or edit.request is None:
        return Made(item, failure(result), None, edit.seconds)
    try:
        image, receipt = _checked(item, edit.request, result)
    except Exception as error:
        logger.exception("the result for %s cannot be used", item.candidate_id)
        reason = f"{type(error).__name__}: {error}"
        return Made(item, failure(EditResult(EditStatus.FAILED, reason)), None, edit.seconds)
    flat = flat_reason(image, result.region) if result.region is not None else None
    if flat is not None:
        return Made(item, failure(replace(result, status=EditStatus.FLAT, reason=flat)), None, edit.seconds)
    how = _how(result.made_with) or {"batch_size": edit.together, "dtype": "uint8", "device": "cpu"}
    return Made(item, {**asdict(receipt), **how}, encode_png(image), round(edit.seconds, 4))


def _how(made_with: MadeWith | None) -> dict[str, Any]:
    if made_with is None:
        return {}
    return {**asdict(made_with), "marks": list(made_with.marks)}


def _checked(item: Item, request: EditRequest, result: EditResult) -> tuple[Array, Receipt]:
    """The picture with the photo's own pixels outside the region, and its receipt.

    The editor composites too; doing it here makes the promise hold for every backend.

    Raises:
        ValueError: the result has no picture or region, or they do not fit the photo.
    """
    if result.image is None or result.region is None:
        raise ValueError("the editor said ok but gave no picture or no region")
    image = composite(request.image, result.image, result.region)
    receipt = measure(
        request.image, image, request.mask, result.region, attribute=item.attribute, target_rgb=result.target_rgb
    )
    return image, receipt


# The configured editor, and how many items it gets at once.


def make_editor(config: EditsSlice, machine: MachineSlice, store: ItemStore | None = None) -> Editor:
    """The configured editor.

    Raises:
        BackendError: it cannot be loaded.
    """
    context = BackendContext(machine.machine, config.noun, machine.editing, store)
    editor: Editor = make_backend("editors", config.edits.backend, config.edits, context)
    return editor


def batch_size(config: EditsSlice, editor: Editor) -> int:
    """Items that the editor gets at once: as configured, else as many as it likes."""
    return config.edits.batch_size or int(getattr(editor, "batch_size", 1))


Row = dict[str, Any]


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


class Work:
    """The candidates of one job.

    Args:
        config: the stage's slice.
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
        priors: Pool | None = None,
    ) -> None:
        self._config = config
        self._masks = masks
        self._store = store
        self._room = room
        self._editor: Editor = make_editor(config, machine, store)
        self._priors = priors
        self._params: dict[tuple[str, str], str] = {}
        # asking a protocol takes longer than all the rest of a key
        self._has_params, self._draws = isinstance(self._editor, HasParams), isinstance(self._editor, DrawsPriors)
        self._options = json.dumps(config.edits.options, sort_keys=True)
        self._reading = reading_key(config.reading)

    @property
    def facts(self) -> dict[str, Any]:
        """What the table says of the editor: what its pictures are, and the models of each attribute."""
        kind = {"digital_source_type": digital_source_type(self._config.edits.backend, self._editor)}
        if not isinstance(self._editor, NamesModels):
            return kind
        attributes = self._config.edits.attributes
        return {**kind, "models": {attribute: self._editor.models(attribute) for attribute in attributes}}

    def close(self) -> None:
        """Let go what the editor holds, such as connections."""
        close = getattr(self._editor, "close", None)
        if close is not None:
            close()

    def candidates(self, items: Sequence[Item]) -> Iterator[Candidate]:
        """Yield one candidate per item, in order; what is computed is in the store before it is yielded."""
        known = {item.candidate_id: self._without_editing(item) for item in items}
        missing = [item for item in items if known[item.candidate_id] is None]
        edited = self._edited(missing)
        for item in items:
            yield known[item.candidate_id] or next(edited)

    def rows(self, items: Sequence[Item], done: Sequence[Candidate]) -> Iterator[Row]:
        """Yield the rows of finished items with their pictures, one in memory at a time.

        Raises:
            DataError: the store lost a picture since it was made.
        """
        for item, candidate in zip(items, done, strict=True):
            if candidate.key is None:
                yield candidate.row
                continue
            value = self._store.get(candidate.key)
            if value is None:
                raise DataError(
                    f"the item store lost {item.candidate_id} while the job ran; run the same command again"
                )
            facts, picture = unpack(value)
            base = base_row(item, self._editor, self._mask_bytes(item))
            yield {**base, "params_digest": candidate.key, **facts["row"], "image": picture}

    def _edited(self, items: Sequence[Item]) -> Iterator[Candidate]:
        """Candidates of items that have to be made, in batches of the editor's liking."""
        if items:
            job_record.permit()
        if items and isinstance(self._editor, Prepares):
            self._editor.prepare([(item.prompt, item.photo["class_name"]) for item in items if item.prompt])
        size = batch_size(self._config, self._editor)
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        if not getattr(self._editor, "on_gpu", False):
            for batch in batches:
                job_record.permit()
                yield from self._kept(self._measured(self._edit(batch)))
            return
        # while the GPU edits a batch, the CPU measures and encodes the one before
        with ThreadPoolExecutor(1) as side:
            waiting: Future[list[Made]] | None = None
            try:
                for batch in batches:
                    job_record.permit()
                    edits = self._edit(batch)
                    done, waiting = waiting, side.submit(self._measured, edits)
                    if done is not None:
                        yield from self._kept(done.result())
            except (GeneratorExit, KeyboardInterrupt, VariRealError, StoppedError):  # the batch beside is kept too
                if waiting is not None:
                    self._kept(waiting.result())
                raise
            if waiting is not None:
                yield from self._kept(waiting.result())

    def _without_editing(self, item: Item) -> Candidate | None:
        """A candidate that is known without the editor: from the store, or because it cannot be made."""
        if item.prompt is None:
            reason = f"class {item.photo['class_name']!r} has fewer prompts than edits per image"
            return self._failed(item, EditResult(EditStatus.NO_PROMPT, reason))
        mask = self._masks.get(item.photo["image_id"])
        if mask is None or mask["status"] != names.OK:
            reason = "the photo has no mask" if mask is None else f"{mask['status']}: {mask['reason']}"
            return self._failed(item, EditResult(EditStatus.NO_MASK, reason))
        key = self._key(item)
        value = self._store.get(key)
        if value is None:
            return None
        self._room.count(len(value))
        return Candidate({}, key, new=False)

    def _edit(self, items: Sequence[Item]) -> list[Edit]:
        """What the editor makes of items; of a batch that a signal cuts short, what it made is kept here.

        Raises:
            StoppedError: a signal has come.
        """
        requests: dict[str, EditRequest] = {}
        results: dict[str, EditResult] = {}
        for item in items:
            try:
                requests[item.candidate_id] = self._request(item)
            except RejectedImageError as error:
                results[item.candidate_id] = EditResult(EditStatus.IMAGE_UNREADABLE, str(error))
            except NoPriorError as error:
                results[item.candidate_id] = EditResult(EditStatus.FAILED, str(error))
        start = time.monotonic()
        ids = list(requests)

        def edits() -> Iterator[Edit]:
            seconds = (time.monotonic() - start) / max(len(ids), 1)
            for item in items:
                if (result := results.get(item.candidate_id)) is not None:
                    yield Edit(item, requests.get(item.candidate_id), result, seconds, len(ids))

        try:
            results.update(zip(ids, answers(self._editor, list(requests.values())), strict=True))
        except StoppedError as stopped:
            results.update({ids[number]: result for number, result in stopped.done.items()})
            for edit in edits():  # one by one: the process may be killed a moment later
                self._kept(self._measured([edit]))
            raise
        return list(edits())

    def _measured(self, edits: Sequence[Edit]) -> list[Made]:
        """Edits with their receipts and coded pictures; touches no store, so it may run beside the editor."""
        return [measured(edit) for edit in edits]

    def _kept(self, all_made: Sequence[Made]) -> list[Candidate]:
        """Keep pictures in the store, and make candidates."""
        return [self._keep(made) for made in all_made]

    def _keep(self, made: Made) -> Candidate:
        item = made.item
        if made.data is None:
            row = self._base_row(item) | made.row
            return Candidate(row, None, new=False)
        key = self._key(item)
        value = pack({"row": made.row, "seconds": made.seconds}, made.data)
        self._store.put(key, value)
        self._room.count(len(value))
        logger.debug("computed %s (%s)", item.candidate_id, item.prompt.name if item.prompt else "")
        return Candidate({}, key, new=True)

    def _failed(self, item: Item, result: EditResult) -> Candidate:
        return Candidate(self._base_row(item) | failure(result), None, new=False)

    def _mask_bytes(self, item: Item) -> bytes:
        mask = self._masks[item.photo["image_id"]]
        data: bytes = mask["smoothed"] or mask["mask"]
        return data

    def _request(self, item: Item) -> EditRequest:
        if item.prompt is None:
            raise ValueError("an item without a prompt cannot be edited")
        photo = read_photo(item.photo, self._config.reading)
        mask: Array = decode_mask(self._mask_bytes(item))
        entry = self._drawn(item)
        prior = None if entry is None or self._priors is None else self._priors.picture(entry.prior_id)
        return EditRequest(photo.image, mask, item.prompt, item.seed, item.photo["class_name"], prior)

    def _drawn(self, item: Item) -> PoolEntry | None:
        """The prior picture that an item starts from; both arms draw the same number."""
        if item.prompt is None or not self._draws:
            return None
        entries: list[PoolEntry] = cast(DrawsPriors, self._editor).pool(
            item.prompt, item.photo["class_name"], self._config.seed
        )
        return entries[stable_int("draw", item.seed) % len(entries)] if entries else None

    def _key(self, item: Item) -> str:
        """Digest of everything that the picture and its receipt depend on."""
        editor, prompt, drawn = self._editor, item.prompt, self._drawn(item)
        return digest(
            "edit",
            ITEM_VERSIONS["edits"],
            item.photo["sha256"],
            self._reading,
            self._mask_bytes(item),
            item.attribute,
            *(("", "", "") if prompt is None else (prompt.name, prompt.description, prompt.rgb)),
            item.photo["class_name"] if self._has_params else "",  # such an editor may write it into its text
            item.seed,
            editor.name,
            editor.version,
            editor.revision,
            self._params_of(item),
            "" if drawn is None else drawn.prior_id,
        )

    def _params_of(self, item: Item) -> str:
        """The editor's settings for an item's setting."""
        if item.prompt is None or not self._has_params:
            return self._options
        setting = (item.attribute, item.feasibility)
        if setting not in self._params:
            self._params[setting] = cast(HasParams, self._editor).params(item.prompt)
        return self._params[setting]

    def _base_row(self, item: Item) -> Row:
        mask = self._mask_bytes(item) if self._has_mask(item) else None
        row = base_row(item, self._editor, mask)
        return row | {"params_digest": self._key(item) if item.prompt and mask is not None else ""}

    def _has_mask(self, item: Item) -> bool:
        mask = self._masks.get(item.photo["image_id"])
        return mask is not None and mask["mask"] is not None
