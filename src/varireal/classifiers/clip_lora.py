"""The learner ``clip``: a CLIP, fine-tuned with LoRA; its weights are a standard PEFT folder."""

import json
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load

from varireal.backends import BackendContext
from varireal.classifiers.augment import Augmenter
from varireal.classifiers.base import Picture, StateKeeper, Trained, TrainingTask
from varireal.classifiers.batches import Batches, PictureCache
from varireal.classifiers.clip import class_texts, load_clip, probabilities
from varireal.classifiers.lora import add_lora, save_adapter
from varireal.classifiers.training import Trainer, Training
from varireal.config.adapters import CLIP, AdaptersConfig
from varireal.core.files import error_text
from varireal.core.paths import ADAPTER_FILES
from varireal.names import AUGMENTATIONS
from varireal.records import Array


class ClipLora:
    """Fine-tunes a CLIP, and scores pictures by the texts of their classes, which needs no training.

    Args:
        config: the block ``adapters``.
        noun: what all classes are.

    Raises:
        BackendError: the model cannot be loaded.
    """

    name = CLIP
    version = 1

    def __init__(self, config: AdaptersConfig, noun: str) -> None:
        self._config, self._noun = config, noun
        self._clip = self._scoring = load_clip(config)
        self._updated = False
        self._cache = PictureCache()
        self._input: tuple[Sequence[Picture], Array] = ((), np.empty(0))

    @classmethod
    def from_config(cls, settings: AdaptersConfig, context: BackendContext) -> "ClipLora":
        """From the block ``adapters``, whose keys from model to training are CLIP's."""
        return cls(settings, context.noun)

    @property
    def fingerprint(self) -> str:
        """Digest of the base model's weights."""
        return self._clip.fingerprint

    @property
    def device(self) -> str:
        """Kind of the device that it is on."""
        return self._clip.device.type

    @property
    def facts(self) -> dict[str, Any]:
        """What ``training.json`` says of model and settings."""
        return {
            "model": self._config.model,
            "training": self._config.training.model_dump(mode="json"),
            "lora": self._config.lora.model_dump(mode="json"),
        }

    def dependencies(self, classes: Sequence[str], *, training: bool) -> tuple[str, ...]:
        """Texts of the classes and settings."""
        trained_by = (self._config.training.for_keys_json(),) if training else ()
        return (*self._texts(classes), self._config.lora.for_keys_json(), *trained_by)

    def train(self, task: TrainingTask, saved: bytes | None, keep: StateKeeper) -> Trained:
        """Train the updates; val gives the curve, and chooses where ``training.checkpoint`` says so.

        Raises:
            BackendError: the model has no towers for LoRA, or the training broke.
        """
        self._with_updates()
        job = Training(
            name=task.name,
            seed=task.seed,
            settings=self._config.training,
            class_texts=self._texts(task.classes),
            val_pictures=torch.from_numpy(self._prepared(task.val)),
            val_labels=torch.tensor([picture.label for picture in task.val], dtype=torch.int64),
        )
        batches = Batches(task.pool, job.settings, job.seed, self._augmenters, self._cache)
        trainer = Trainer(self._clip, job, batches)
        log = trainer.run(saved, keep)
        with tempfile.TemporaryDirectory() as place:
            save_adapter(self._clip, Path(place))
            weights = (Path(place) / ADAPTER_FILES[0]).read_bytes()
            settings = json.loads((Path(place) / ADAPTER_FILES[1]).read_text("utf-8"))
        return Trained(weights, settings, log, trainer.dtype_name)

    def load(self, weights: bytes | None) -> None:
        """Put an adapter's weights in place of those of the one before; all of them, and no others."""
        if weights is None:
            # zero-shot is the model as it was loaded, to the bit
            self._scoring = load_clip(self._config) if self._updated else self._clip
            return
        self._with_updates()
        self._scoring = self._clip
        try:
            loaded: Any = set_peft_model_state_dict(self._clip.model, load(weights))
        except (RuntimeError, SafetensorError) as error:
            raise ValueError(error_text(error, 300)) from error
        wrong = [*loaded.unexpected_keys, *(name for name in loaded.missing_keys if "lora_" in name)]
        if wrong:
            raise ValueError(f"{wrong[0]} does not fit adapters.lora")

    def probabilities(self, pictures: Sequence[Picture], classes: Sequence[str]) -> Array:
        """(N, C) float32."""
        return probabilities(self._scoring, list(self._prepared(pictures)), self._texts(classes))

    def _texts(self, classes: Sequence[str]) -> list[str]:
        return class_texts(self._config.class_prompt, self._noun, classes)

    def _with_updates(self) -> None:
        if not self._updated:
            add_lora(self._clip, self._config.lora)
            self._updated = True

    @cached_property
    def _augmenters(self) -> dict[str, Augmenter]:
        clip = self._clip
        return {name: Augmenter(name, clip.size, clip.mean, clip.std) for name in AUGMENTATIONS}

    def _prepared(self, pictures: Sequence[Picture]) -> Array:
        """(N, 3, S, S) float32, held for the next time: val and test pictures are the same for every training."""
        if self._input[0] is not pictures or not len(self._input[1]):
            size = self._clip.size
            pixels = np.empty((len(pictures), 3, size, size), np.float32)
            for number, picture in enumerate(pictures):
                pixels[number] = self._augmenters["none"].preprocess([picture.load()])[0]
            self._input = (pictures, pixels)
        return self._input[1]
