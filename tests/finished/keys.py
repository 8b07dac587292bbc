"""Slice digests and item keys of a config, computed by the code of the stages for made-up items.

The items are the same for every config: what differs between two keys is what the config and the code say. Nothing is
edited, asked or loaded: a key is known before.
"""

import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from varireal.backends import BackendContext, make_backend
from varireal.classifiers.clip_lora import ClipLora
from varireal.config.slices import AdaptersSlice, MachineSlice, PredictionsSlice, slice_digest, stage_slices
from varireal.core.pictures import encode_png
from varireal.core.seeds import candidate_seed
from varireal.hosted.book import AnswerBook, request_digest
from varireal.judges.panel import Panel
from varireal.models.lock import as_locked
from varireal.names import FEASIBILITIES
from varireal.prompts.agenda import Agenda
from varireal.prompts.deal import Deals
from varireal.records import EditRequest, Prompt, SourceImage
from varireal.running.room import Room
from varireal.segmenters.stored import StoredSegmenter
from varireal.stages import adapters, images, predictions
from varireal.stages.candidates import CandidateMaker
from varireal.stages.common import Item
from varireal.store.items import ItemStore
from varireal.study.layout import Layout

PICTURE = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
MASK = np.zeros((24, 32), bool)
MASK[6:18, 8:24] = True
PHOTO = {"image_id": "photo-1", "class_id": "class", "class_name": "a class", "split": "train", "path": "photo.png",
         "sha256": "00" * 32, "width": 32, "height": 24, "mask_path": None}  # fmt: skip
NAMES = {"background": "lake shore", "color": "brown", "texture": "wet fur"}


class _Stop(BaseException):
    """The key that was wanted is known. No ``Exception``: nothing that mends one bad item may take it for one."""


class _Clip(ClipLora):
    """The learner without its model; every class has the text ``a class``."""

    fingerprint, device = "weights", "cpu"

    def __init__(self, part: AdaptersSlice | PredictionsSlice) -> None:
        self._config = part.adapters if isinstance(part, AdaptersSlice) else part.model

    def _texts(self, classes: list[str]) -> list[str]:
        return classes


class _Spy(ItemStore):
    """A store that has nothing and notes what it is asked for."""

    def __init__(self, path: Path, *, stop: bool = False) -> None:
        super().__init__(path)
        self.asked: list[str] = []
        self._stop = stop

    def get(self, key: str) -> None:
        self.asked.append(key)
        if self._stop:
            raise _Stop


def slice_digests(layout: Layout) -> dict[str, str]:
    """Digest of each stage's slice."""
    config, licences = as_locked(layout.config)
    return {name: slice_digest(part) for name, part in stage_slices(config, layout.classes, licences).items()}


def item_keys(layout: Layout, scratch: Path) -> dict[str, str | list[str]]:
    """Keys by the stage whose store they are in, and by what they are keys of."""
    config, licences = as_locked(layout.config)
    parts = stage_slices(config, layout.classes, licences)
    machine = parts["machine"]
    store = _Spy(scratch / "spy.sqlite")
    found = {
        "images": _look(parts["images"], scratch),
        **_masks(parts["masks"], machine, store),
        **_edits(parts["edits"], machine, scratch),
        **_verdicts(parts["verdicts"], machine, store),
        **_classifiers(parts, scratch),
    }
    if layout.asks:
        found |= _prompts(parts["prompts"], scratch)
    store.close()
    return found


def _prompt(attribute: str, feasibility: str) -> Prompt:
    return Prompt(
        f"{attribute}-1", "class", attribute, feasibility, NAMES.get(attribute, "a name"), "A plain sentence."
    )


def _item(attribute: str, feasibility: str, seed: int) -> Item:
    prompt = _prompt(attribute, feasibility)
    return Item(PHOTO, attribute, feasibility, 0, 0, prompt, candidate_seed(seed, PHOTO["image_id"], attribute, 0, 0))


def _look(part, scratch: Path) -> str:
    path = scratch / "photo.png"
    path.write_bytes(encode_png(PICTURE))
    store = _Spy(scratch / "look.sqlite", stop=True)
    with suppress(_Stop):
        images.look(SourceImage("photo", path, "a class", None), part.images.reading, store)
    return _only(store)


def _only(store: _Spy) -> str:
    store.close()
    (key,) = store.asked
    return key


def _masks(part, machine: MachineSlice, store: ItemStore) -> dict[str, str]:
    context = BackendContext(machine=machine.machine, noun=part.noun)
    keys = {}
    for name in part.masks.chain:
        segmenter = make_backend("segmenters", name, part.masks, context)
        kept = StoredSegmenter(segmenter, part.masks, part.noun, part.reading, store)
        keys[f"masks {name}"] = kept.key(PHOTO)
    return keys


def _edits(part, machine: MachineSlice, scratch: Path) -> dict[str, str]:
    masks = {
        PHOTO["image_id"]: {
            "status": "ok",
            "reason": "",
            "mask": encode_png(MASK.astype(np.uint8) * 255),
            "smoothed": None,
        }
    }
    store = _Spy(scratch / "edits.sqlite")
    maker = CandidateMaker(part, masks, store, Room(scratch, 1), machine=machine)
    editor, keys = maker._editor, {}
    for attribute in part.edits.attributes:
        for arm in FEASIBILITIES:
            item = _item(attribute, arm, part.seed)
            keys[f"edits {attribute} {arm}"] = maker._key(item)
            if hasattr(editor, "pool"):
                entries = editor.pool(item.prompt, "a class", part.seed)
                if entries:
                    keys[f"priors {attribute} {arm}"] = entries[0].prior_id
            if part.edits.backend == "openai_images":  # what was paid for is kept by the request as well
                request = EditRequest(PICTURE, MASK, item.prompt, item.seed, "a class", None)
                keys[f"request {attribute} {arm}"] = editor._job(request).request.key
            prompts = Path(scratch / "class.yaml")
            prompts.write_text("a prompt file\n")
            deals = Deals(
                scratch / "deals.txt", [prompts], attribute=attribute, feasibility=arm,
                per_image=part.edits.per_image, seed=part.seed,
            )  # fmt: skip
            keys[f"deal {attribute} {arm}"] = deals._key("class", ["photo-1", "photo-2"])
    maker.close()
    store.close()
    return keys


def _verdicts(part, machine: MachineSlice, store: ItemStore) -> dict[str, str | list[str]]:
    if not part.verdicts.asks and part.segmenting is None:
        return {}
    panel = Panel(part, lambda: {PHOTO["image_id"]: b"a mask"}, store, machine)
    keys: dict[str, str | list[str]] = {}
    row = PHOTO | {"attribute": "color", "prompt_name": "brown", "image": b"a picture"}
    if panel._interview is not None:
        plan = panel._interview._plan(row)
        keys["verdicts answers"] = [plan[question].key for question in sorted(plan)]
    if panel._outlines is not None:
        keys["verdicts outline"] = panel._outlines._key(row)
    panel.close()
    return keys


def _classifiers(parts, scratch: Path) -> dict[str, str]:
    training, scoring = parts["adapters"], parts["predictions"]
    workshop = SimpleNamespace(
        _config=training, _learner=_Clip(training), _val_digest="val", _classes=["a class"], _outside=()
    )
    store = _Spy(scratch / "scores.sqlite", stop=True)
    scorer = SimpleNamespace(
        _config=scoring, _learner=_Clip(scoring), _name="clip", _classes=["a class"], _adapters=scratch,
        _pictures=[SimpleNamespace(key="picture")],
    )  # fmt: skip
    with suppress(_Stop):
        predictions._Scorer.score(scorer, "zero-shot", 0, store)
    return {
        "adapters": adapters._Workshop._key(workshop, SimpleNamespace(digest="pool"), 0),
        "predictions": _only(store),
    }


def _prompts(part, scratch: Path) -> dict[str, str | list[str]]:
    store = ItemStore(scratch / "prompts.sqlite")
    agenda = Agenda(part, scratch / "no prompts", AnswerBook(store))
    first = [request_digest(request) for _, _, request in agenda.open_requests()]
    place = agenda.items[0].place
    keys = {
        "prompts requests": first,
        "prompts plan": [agenda._plan_key(place, arm) for arm in FEASIBILITIES],
        "prompts done": agenda._done_key(place),
    }
    store.close()
    return keys


def as_text(value: object) -> str:
    """JSON of a golden file: one entry a line, so that a change shows what changed."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
