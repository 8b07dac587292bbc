"""From an editor's answer to a row: the photo's pixels put back, the receipt measured, the picture coded."""

import hashlib
import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

from varireal import names
from varireal.arrays import Array
from varireal.editors.base import Editor
from varireal.editors.composite import composite
from varireal.errors import VariRealError
from varireal.metrics.flat import flat_reason
from varireal.metrics.receipts import Receipt, measure
from varireal.names import EditStatus
from varireal.pictures import encode_png
from varireal.records import EditRequest, EditResult, MadeWith
from varireal.running.stopping import StoppedError
from varireal.stages.items import Item

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
