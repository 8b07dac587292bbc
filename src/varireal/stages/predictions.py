r"""Predictions: what each adapter says of every test picture, with the probability of each class.

By hand::

    varireal predictions --config results/demo/config/predictions.json --images results/demo/images.parquet \
        --adapters results/demo/adapters --runs zero-shot/seed0 real/seed0 \
        --store /tmp/predictions.sqlite --output /tmp/predictions
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peft import set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file

from varireal import names
from varireal.classifiers.augment import Augmenter
from varireal.classifiers.clip import Clip, class_texts, load_clip, probabilities
from varireal.classifiers.lora import add_lora
from varireal.classifiers.study_pictures import StudyPhoto, readable_photos
from varireal.config.regimes import ZERO_SHOT
from varireal.config.slices import PredictionsSlice, slice_digest
from varireal.core.files import error_text
from varireal.core.paths import ADAPTER_FILES, parse_run, run_name
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.seeds import digest
from varireal.datasets.decoding import file_sha256
from varireal.errors import DataError
from varireal.records import Array, class_numbers
from varireal.running import job_record
from varireal.running.logs import progress
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.items import ItemStore, open_store
from varireal.store.schemas import IMAGES, PREDICTIONS

logger = logging.getLogger(__name__)

_BEST = 5


def run(
    config: PredictionsSlice, *, images: Path, adapters: Path, runs: Sequence[str], store: Path, output: Path
) -> Summary:
    """Write one table of predictions per run; a picture that cannot be read any more stops the stage.

    Args:
        config: the stage's slice.
        images: table of images.
        adapters: folder of the adapters.
        runs: trainings such as ``real/seed0``; ``zero-shot/seed0`` is the model without an adapter.
        store: item store of the job.
        output: folder of the tables; each is ``REGIME/seedN.parquet`` in it.

    Raises:
        BackendError: the model cannot be loaded.
        DataError: an adapter or a photo is missing or is not the one that was made.
    """
    labels = class_numbers(config.classes)
    photos = [
        photo
        for photo in readable_photos(tables.read(images, IMAGES), config.reading, labels)
        if photo.split.startswith(names.TEST)
    ]
    scorer = _Scorer(config, photos, adapters)
    computed = 0
    with open_store(store, redealt=True) as items:
        for name in progress(runs, logger, "predictions", len(runs)):
            regime, seed = parse_run(name)
            scores, fresh = scorer.score(regime, seed, items)
            computed += fresh
            rows = [_row(regime, seed, photo, values) for photo, values in zip(photos, scores, strict=True)]
            path = output / f"{run_name(regime, seed)}.parquet"
            facts = {"classes": dict(sorted(config.classes.items()))}
            tables.write(path, rows, PREDICTIONS, stage="predictions", digest=slice_digest(config), facts=facts)
    return Summary({names.OK: len(runs) * len(photos)}, computed)


def _row(regime: str, seed: int, photo: StudyPhoto, values: Array) -> dict[str, Any]:
    best = np.argsort(-values, kind="stable")[:_BEST].tolist()
    return {
        "regime": regime,
        "seed": seed,
        "test_set": photo.split,
        "image_id": photo.image_id,
        "class_id": photo.class_id,
        "label": photo.picture.label,
        "top1": best[0],
        "top5": best,
        "probabilities": values.tolist(),
    }


class _Scorer:
    """The model and the test pictures, which are read when a score is not in the store."""

    def __init__(self, config: PredictionsSlice, photos: Sequence[StudyPhoto], adapters: Path) -> None:
        self._config, self._photos, self._adapters = config, photos, adapters
        self._texts = class_texts(config.model.class_prompt, config.noun, config.classes)
        self._clip: Clip = load_clip(config.model)
        self._updated = False
        self._pictures: list[Array] | None = None

    def score(self, regime: str, seed: int, store: ItemStore) -> tuple[Array, int]:
        """(N, C) probabilities, and 1 when they were computed now."""
        folder = self._adapters / run_name(regime, seed)
        weights = "" if regime == ZERO_SHOT else _adapter_digest(folder)
        key = digest(
            *("predictions", STAGE_VERSIONS["predictions"], self._clip.fingerprint, weights, *self._texts),
            *(self._config.model.lora.for_keys_json(), self._clip.device.type),
            *(photo.picture.key for photo in self._photos),
            *self._config.model.later_for_keys(),
        )
        stored = store.get(key)
        if stored is not None:
            return np.frombuffer(stored, np.float32).reshape(len(self._photos), len(self._texts)), 0
        job_record.permit()
        values = probabilities(self._with(regime, folder), self._read(), self._texts)
        store.put(key, values.astype(np.float32).tobytes())
        return values, 1

    def _with(self, regime: str, folder: Path) -> Clip:
        """The model with an adapter. Zero-shot is scored by the model as it was loaded."""
        if regime == ZERO_SHOT:
            return load_clip(self._config.model) if self._updated else self._clip
        if not self._updated:
            add_lora(self._clip, self._config.model.lora)
            self._updated = True
        _put_weights(self._clip, folder)
        return self._clip

    def _read(self) -> list[Array]:
        if self._pictures is None:
            augmenter = Augmenter("none", self._clip.size, self._clip.mean, self._clip.std)
            self._pictures = [augmenter.preprocess([photo.picture.load()])[0] for photo in self._photos]
        return self._pictures


def _put_weights(clip: Clip, folder: Path) -> None:
    """Put an adapter's weights in place of those of the one before; all of them, and no others."""
    try:
        loaded: Any = set_peft_model_state_dict(clip.model, load_file(folder / ADAPTER_FILES[0]))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        why = error_text(error, 300)
        raise DataError(f"{folder} holds no adapter for this model ({why}); run the stage adapters again") from error
    wrong = [*loaded.unexpected_keys, *(name for name in loaded.missing_keys if "lora_" in name)]
    if wrong:
        raise DataError(
            f"{folder} holds no adapter for this model ({wrong[0]} does not fit adapters.lora); "
            "run the stage adapters again"
        )


def _adapter_digest(folder: Path) -> str:
    try:
        json.loads((folder / ADAPTER_FILES[1]).read_text("utf-8"))
        return file_sha256(folder / ADAPTER_FILES[0])
    except (OSError, ValueError, DataError) as error:
        raise DataError(f"{folder} holds no adapter ({error}); run the stage adapters") from error
