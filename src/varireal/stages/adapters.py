r"""Adapters: the learner, trained on the regimes that a job was given.

By hand::

    varireal adapters --config results/demo/config/adapters.json --images results/demo/images.parquet \
        --study results/demo --runs real/seed0 real+synthetic-background-feasible/seed0 \
        --store /tmp/adapters.sqlite --output /tmp/adapters
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import deserialize

from varireal import names
from varireal.backends import BackendContext, make_backend
from varireal.classifiers.base import Learner, Trained, TrainingPool, TrainingTask, dependencies
from varireal.classifiers.pools import PoolMaker
from varireal.classifiers.study_pictures import read_material, readable_photos
from varireal.config.regimes import Regime, every_regime
from varireal.config.slices import AdaptersSlice
from varireal.core.files import write_whole
from varireal.core.paths import ADAPTER_FILES, parse_run, run_name
from varireal.core.provenance import STAGE_VERSIONS, package_versions
from varireal.core.registry import asking, backend_version, is_built_in
from varireal.core.seeds import digest, stable_int
from varireal.errors import ConfigError, DataError
from varireal.records import class_names, class_numbers
from varireal.running import job_record, stopping
from varireal.running.logs import progress
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.items import ItemStore, open_store, pack, unpack
from varireal.store.schemas import IMAGES

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_STATES = 60.0


def run(
    config: AdaptersSlice, *, study: Path, images: Path, runs: Sequence[str], store: Path, output: Path
) -> Summary:
    """Train one adapter per run and write its folder; what the store has is not trained again.

    Args:
        config: the stage's slice.
        study: folder of the study, with its data set and masks.
        images: table of images.
        runs: trainings such as ``real/seed0``.
        store: item store of the job; also holds the state of an interrupted training.
        output: folder of the adapters; each is in ``REGIME/seedN`` of it.

    Raises:
        BackendError: the learner cannot be loaded, or a training broke.
        DataError: a table is damaged, or a regime has no picture.
    """
    wanted = [(_regime(name, config), parse_run(name)[1]) for name in runs]
    with asking("learners", config.adapters.learner, "loading"):
        learner = make_backend("learners", config.adapters.learner, config.adapters, BackendContext(noun=config.noun))
    workshop = _Workshop(config, learner, study, tables.read(images, IMAGES))
    computed = 0
    with open_store(store, redealt=True) as items:
        for regime, seed in progress(wanted, logger, "adapters", len(wanted)):
            computed += workshop.make(regime, seed, items, output / run_name(regime.slug, seed))
    return Summary({names.OK: len(wanted)}, computed)


def _regime(name: str, config: AdaptersSlice) -> Regime:
    known = {regime.slug: regime for regime in every_regime(config.attributes, config.all_of) if regime.trained}
    slug, _ = parse_run(name)
    if slug not in known:
        raise ConfigError(f"no regime is called {slug!r}; known: {', '.join(known)}")
    return known[slug]


class _Keeper:
    """Keeps the state of one training in the job's store, and lets the job stop there."""

    def __init__(self, store: ItemStore, key: str) -> None:
        self._store, self._key = store, key
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether a state should be kept now."""
        return stopping.requested() or time.monotonic() - self._last >= _SECONDS_BETWEEN_STATES

    def __call__(self, state: bytes) -> None:
        """Keep a state.

        Raises:
            StoppedError: a signal has come.
        """
        self._store.put(self._key, state)
        self._last = time.monotonic()
        job_record.permit()
        stopping.checkpoint()


class _Workshop:
    """What all trainings of a job share: the learner and the pictures."""

    def __init__(
        self, config: AdaptersSlice, learner: Learner, study: Path, images: Sequence[Mapping[str, Any]]
    ) -> None:
        self._config, self._learner = config, learner
        self._classes = class_names(config.classes)
        labels = class_numbers(config.classes)
        self._maker = PoolMaker(read_material(config, study, images, labels), config.seed)
        photos = readable_photos(images, config.reading, labels)
        self._val = [photo.picture for photo in photos if photo.split == names.VAL]
        self._val_digest = digest(*(f"{picture.key} {picture.label}" for picture in self._val))

    def make(self, regime: Regime, seed: int, store: ItemStore, folder: Path) -> int:
        """Write an adapter, trained now or before; return how many were trained now."""
        pool = self._maker.pool(regime)
        if not pool.real and not pool.synthetic:
            raise DataError(
                f"the regime {regime.slug} has no picture to train on; no pair was accepted in both arms "
                "(see dataset/funnel.csv), so take it out of adapters.regimes or mend the edits"
            )
        key = self._key(pool, seed)
        trained = store.get(key)
        if trained is None:
            trained = self._train(regime, seed, pool, key, store)
            store.put(key, trained)
            fresh = 1
        else:
            fresh = 0
        facts, weights = unpack(trained)
        self._write(folder, facts | self._facts(regime, seed, pool), weights)
        return fresh

    def _key(self, pool: TrainingPool, seed: int) -> str:
        return digest(
            *("adapter", STAGE_VERSIONS["adapters"], self._learner.fingerprint, self._learner.device),
            *(self._config.seed, seed, pool.digest, self._val_digest),
            *dependencies(self._learner, self._classes, training=True),
            *self._config.adapters.later_for_keys(),
            *self._outside,
        )

    @property
    def _outside(self) -> tuple[str, ...]:
        """Version of a learner of another package; of this one the stage's counts."""
        name = self._config.adapters.learner
        return () if is_built_in("learners", name) else (backend_version("learners", name),)

    def _train(self, regime: Regime, seed: int, pool: TrainingPool, key: str, store: ItemStore) -> bytes:
        task = TrainingTask(
            name=f"{regime.slug}, seed {seed}",
            # not the regime: the arms share order, augmentation and first weights
            seed=stable_int("training", self._config.seed, seed),
            classes=self._classes,
            pool=pool,
            val=self._val,
        )
        job_record.permit()
        partial = f"partial-{key}"
        with asking("learners", self._config.adapters.learner, f"the training {task.name}"):
            trained = _checked(self._learner.train(task, store.get(partial), _Keeper(store, partial)))
            facts = {"log": asdict(trained.log), "dtype": trained.dtype, "adapter_config": dict(trained.settings)}
            value = pack(facts, trained.weights)
        store.drop(partial)
        return value

    def _facts(self, regime: Regime, seed: int, pool: TrainingPool) -> dict[str, Any]:
        name, about = self._config.adapters.learner, getattr(self._learner, "facts", {})
        if not is_built_in("learners", name):
            about = {"learner": f"{name} {backend_version('learners', name)}", "about": dict(about)}
        return {
            **about,
            "regime": regime.slug,
            "label": regime.label,
            "seed": seed,
            "real": len({picture.key for picture in pool.real}),
            "synthetic": len({picture.key for picture in pool.synthetic}),
            "notes": list(pool.notes),
            "model_digest": self._learner.fingerprint,
            "device": self._learner.device,
            "versions": package_versions(),
        }

    def _write(self, folder: Path, facts: dict[str, Any], weights: bytes) -> None:
        settings = dict(facts.pop("adapter_config"))
        if "model" in facts:
            settings["base_model_name_or_path"] = facts["model"]
        write_whole(folder / ADAPTER_FILES[0], weights)
        write_whole(folder / ADAPTER_FILES[1], json.dumps(settings, indent=2, sort_keys=True) + "\n")
        write_whole(folder / ADAPTER_FILES[2], json.dumps(facts, indent=1, sort_keys=True) + "\n")


def _checked(trained: Any) -> Trained:
    """What a learner gave, if it is what it should be; the caller says whose it is."""
    if not isinstance(trained, Trained):
        raise TypeError(f"train gave {type(trained).__name__}, expected varireal.classifiers.base.Trained")
    deserialize(trained.weights)  # type: ignore[no-untyped-call]
    return trained
