r"""Adapters: CLIP with LoRA, trained on the regimes that a job was given.

By hand::

    varireal adapters --config results/demo/config/adapters.json --images results/demo/images.parquet \
        --study results/demo --runs real/seed0 real+synthetic-background-feasible/seed0 \
        --store /tmp/adapters.sqlite --output /tmp/adapters
"""

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from varireal import names
from varireal.classifiers.augment import Augmenter
from varireal.classifiers.batches import Batches, PictureCache
from varireal.classifiers.clip import Clip, class_texts, load_clip
from varireal.classifiers.lora import add_lora, save_adapter
from varireal.classifiers.pools import PoolMaker, TrainingPool
from varireal.classifiers.study_pictures import read_material, readable_photos
from varireal.classifiers.training import Trainer, Training
from varireal.config.regimes import Regime, every_regime
from varireal.config.slices import AdaptersSlice
from varireal.core.files import write_whole
from varireal.core.paths import ADAPTER_FILES, parse_run, run_name
from varireal.core.provenance import STAGE_VERSIONS, package_versions
from varireal.core.seeds import digest, stable_int
from varireal.errors import ConfigError, DataError
from varireal.names import AUGMENTATIONS
from varireal.records import class_numbers
from varireal.running import job_record
from varireal.running.logs import progress
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.items import ItemStore, open_store, pack, unpack
from varireal.store.schemas import IMAGES

logger = logging.getLogger(__name__)


def run(
    config: AdaptersSlice, *, study: Path, images: Path, runs: Sequence[str], store: Path, output: Path
) -> Summary:
    """Train one adapter per run and write its PEFT folder; what the store has is not trained again.

    Args:
        config: the stage's slice.
        study: folder of the study, with its data set and masks.
        images: table of images.
        runs: trainings such as ``real/seed0``.
        store: item store of the job; also holds the state of an interrupted training.
        output: folder of the adapters; each is in ``REGIME/seedN`` of it.

    Raises:
        BackendError: the model cannot be loaded or has no towers for LoRA, or a training broke.
        DataError: a table is damaged, or a regime has no picture.
    """
    wanted = [(_regime(name, config), parse_run(name)[1]) for name in runs]
    clip = load_clip(config.adapters)
    add_lora(clip, config.adapters.lora)
    workshop = _Workshop(config, clip, study, tables.read(images, IMAGES))
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


class _Workshop:
    """What all trainings of a job share: the model, the pictures, their decoded pixels."""

    def __init__(self, config: AdaptersSlice, clip: Clip, study: Path, images: Sequence[Mapping[str, Any]]) -> None:
        self._config, self._clip = config, clip
        self._labels = class_numbers(config.classes)
        self._texts = class_texts(config.adapters.class_prompt, config.noun, config.classes)
        material = read_material(config, study, images, self._labels)
        self._maker = PoolMaker(material, config.seed)
        self._augmenters = {name: Augmenter(name, clip.size, clip.mean, clip.std) for name in AUGMENTATIONS}
        self._cache = PictureCache()
        photos = readable_photos(images, config.reading, self._labels)
        self._val = [photo.picture for photo in photos if photo.split == names.VAL]
        self._val_digest = digest(*(f"{picture.key} {picture.label}" for picture in self._val))

    @cached_property
    def _val_input(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures and labels of val; decoded only when something is trained."""
        pixels = self._augmenters["none"].preprocess([picture.load() for picture in self._val])
        return torch.from_numpy(pixels), torch.tensor([picture.label for picture in self._val], dtype=torch.int64)

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
        parts = self._config.adapters
        return digest(
            *("adapter", STAGE_VERSIONS["adapters"], self._clip.fingerprint, self._clip.device.type),
            *(self._config.seed, seed, pool.digest, self._val_digest, *self._texts),
            *(parts.lora.for_keys_json(), parts.training.for_keys_json(), *parts.later_for_keys()),
        )

    def _train(self, regime: Regime, seed: int, pool: TrainingPool, key: str, store: ItemStore) -> bytes:
        job = Training(
            name=f"{regime.slug}, seed {seed}",
            # not the regime: the arms share order, augmentation and first weights
            seed=stable_int("training", self._config.seed, seed),
            settings=self._config.adapters.training,
            class_texts=self._texts,
            val_pictures=self._val_input[0],
            val_labels=self._val_input[1],
        )
        job_record.permit()
        batches = Batches(pool, job.settings, job.seed, self._augmenters, self._cache)
        trainer = Trainer(self._clip, job, batches)
        partial = f"partial-{key}"

        def save(state: bytes) -> None:
            store.put(partial, state)
            job_record.permit()

        log = trainer.run(store.get(partial), save)
        with tempfile.TemporaryDirectory() as place:
            save_adapter(self._clip, Path(place))
            weights = (Path(place) / ADAPTER_FILES[0]).read_bytes()
            settings = json.loads((Path(place) / ADAPTER_FILES[1]).read_text("utf-8"))
        store.drop(partial)
        return pack({"log": asdict(log), "dtype": trainer.dtype_name, "adapter_config": settings}, weights)

    def _facts(self, regime: Regime, seed: int, pool: TrainingPool) -> dict[str, Any]:
        config = self._config.adapters
        return {
            "regime": regime.slug,
            "label": regime.label,
            "seed": seed,
            "real": len({picture.key for picture in pool.real}),
            "synthetic": len({picture.key for picture in pool.synthetic}),
            "notes": list(pool.notes),
            "model": config.model,
            "model_digest": self._clip.fingerprint,
            "device": self._clip.device.type,
            "training": config.training.model_dump(mode="json"),
            "lora": config.lora.model_dump(mode="json"),
            "versions": package_versions(),
        }

    def _write(self, folder: Path, facts: dict[str, Any], weights: bytes) -> None:
        settings = dict(facts.pop("adapter_config"))
        settings["base_model_name_or_path"] = self._config.adapters.model
        write_whole(folder / ADAPTER_FILES[0], weights)
        write_whole(folder / ADAPTER_FILES[1], json.dumps(settings, indent=2, sort_keys=True) + "\n")
        write_whole(folder / ADAPTER_FILES[2], json.dumps(facts, indent=1, sort_keys=True) + "\n")
