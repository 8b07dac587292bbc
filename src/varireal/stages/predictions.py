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

from varireal import names
from varireal.backends import BackendContext, make_backend
from varireal.classifiers.base import dependencies
from varireal.classifiers.study_pictures import StudyPhoto, readable_photos
from varireal.config.regimes import ZERO_SHOT
from varireal.config.slices import PredictionsSlice, slice_digest
from varireal.core.paths import ADAPTER_FILES, parse_run, run_name
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.registry import asking, backend_origin, backend_version, is_built_in
from varireal.core.seeds import digest
from varireal.datasets.decoding import file_sha256
from varireal.errors import BackendError, DataError
from varireal.records import Array, class_names, class_numbers
from varireal.running import job_record
from varireal.running.logs import progress
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.items import ItemStore, open_store
from varireal.store.schemas import IMAGES, PREDICTIONS

logger = logging.getLogger(__name__)

_BEST = 5
_SUM_ERROR = 1e-3  # of probabilities in half precision


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
        BackendError: the learner cannot be loaded or fails.
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
    """The learner and the test pictures, which are read when a score is not in the store."""

    def __init__(self, config: PredictionsSlice, photos: Sequence[StudyPhoto], adapters: Path) -> None:
        self._config, self._adapters = config, adapters
        self._pictures = [photo.picture for photo in photos]
        self._classes = class_names(config.classes)
        self._name = config.model.learner
        with asking("learners", self._name, "loading"):
            self._learner = make_backend("learners", self._name, config.model, BackendContext(noun=config.noun))

    def score(self, regime: str, seed: int, store: ItemStore) -> tuple[Array, int]:
        """(N, C) probabilities, and 1 when they were computed now."""
        folder = self._adapters / run_name(regime, seed)
        weights = "" if regime == ZERO_SHOT else _adapter_digest(folder)
        built_in = is_built_in("learners", self._name)
        key = digest(
            *("predictions", STAGE_VERSIONS["predictions"], self._learner.fingerprint, weights),
            *dependencies(self._learner, self._classes, training=False),
            self._learner.device,
            *(picture.key for picture in self._pictures),
            *self._config.model.later_for_keys(),
            *(() if built_in else (backend_version("learners", self._name),)),
        )
        stored = store.get(key)
        if stored is not None:
            return np.frombuffer(stored, np.float32).reshape(len(self._pictures), len(self._classes)), 0
        job_record.permit()
        with asking("learners", self._name, f"scoring {run_name(regime, seed)}"):
            self._load(regime, folder)
            values = self._checked(self._learner.probabilities(self._pictures, self._classes))
        store.put(key, values.tobytes())
        return values, 1

    def _load(self, regime: str, folder: Path) -> None:
        try:
            self._learner.load(None if regime == ZERO_SHOT else (folder / ADAPTER_FILES[0]).read_bytes())
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder} holds no adapter for this model ({error}); run the stage adapters again"
            ) from error

    def _checked(self, given: Any) -> Array:
        """Scores of a learner, if they are probabilities."""
        values = np.asarray(given, np.float32)
        shape = (len(self._pictures), len(self._classes))
        if values.shape == shape and (values >= 0).all() and (abs(values.sum(axis=1) - 1) < _SUM_ERROR).all():
            return values
        what = f"shape {values.shape}" if values.shape != shape else "numbers below 0 or rows that do not sum to 1"
        origin = "" if is_built_in("learners", self._name) else f" ({backend_origin('learners', self._name)})"
        raise BackendError(
            f"the learner {self._name!r}{origin} gives {what} as probabilities; expected {shape} (pictures, classes), "
            "each row with the sum 1"
        )


def _adapter_digest(folder: Path) -> str:
    try:
        json.loads((folder / ADAPTER_FILES[1]).read_text("utf-8"))
        return file_sha256(folder / ADAPTER_FILES[0])
    except (OSError, ValueError, DataError) as error:
        raise DataError(f"{folder} holds no adapter ({error}); run the stage adapters") from error
