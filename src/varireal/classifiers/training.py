"""Training one adapter: seeded, resumable to the bit on a CPU, scored on val, stopped when it breaks."""

import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors.torch import load, save
from torch.nn import functional

from varireal.classifiers.base import Log
from varireal.classifiers.batches import Batches, learning_rate, mixed, picture_weights, weighted_loss
from varireal.classifiers.clip import Clip
from varireal.classifiers.lora import lean_image_features, lean_text_features, lora_parameters, trains_tower
from varireal.config.adapters import TrainingSettings
from varireal.core.seeds import stable_int
from varireal.errors import BackendError
from varireal.running import job_record, stopping

logger = logging.getLogger(__name__)

_WINDOW = 10
_COLLAPSE = 1.25  # above so many times the loss of zero-shot, or of guessing, over a window the training is broken
_SECONDS_BETWEEN_SAVES = 60.0
_ON_CPU = 8  # pictures at once; more do not fit its caches and are slower, see benchmarks/training_step.py
_DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Training:
    """One training.

    Attributes:
        name: regime and seed, for messages.
        seed: seed of everything.
        settings: how.
        class_texts: one text per class.
        val_pictures: (M, 3, S, S) float32, may be empty.
        val_labels: (M,) int64.
    """

    name: str
    seed: int
    settings: TrainingSettings
    class_texts: Sequence[str]
    val_pictures: torch.Tensor
    val_labels: torch.Tensor


Save = Callable[[bytes], None]


class Trainer:
    """Trains the updates on a model that ``add_lora`` was called on; the model is left with the chosen weights."""

    def __init__(self, clip: Clip, job: Training, batches: Batches) -> None:
        self._clip, self._job, self._batches = clip, job, batches
        self._parameters = lora_parameters(clip)
        reset_lora(self._parameters, job.seed)
        settings = job.settings
        self._optimizer = torch.optim.AdamW(
            self._parameters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._dtype = _autocast_dtype(settings.dtype, clip.device)
        self._scaler = torch.amp.GradScaler(clip.device.type, enabled=self._dtype is torch.float16)
        self._tokens = clip.tokens(job.class_texts)
        self._fixed_text = self._frozen_text()
        self._best = self._weights()
        self._log = Log()
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._limit = math.inf

    @property
    def dtype_name(self) -> str:
        """Number format of the forward pass."""
        return "float32" if self._dtype is None else str(self._dtype).removeprefix("torch.")

    def run(self, saved: bytes | None, save: Save, *, seconds: float = _SECONDS_BETWEEN_SAVES) -> Log:
        """Train to the end.

        Args:
            saved: state of an interrupted run of the same job, as ``save`` got it.
            save: keeps the state; called at most every ``seconds``.
            seconds: between two saves.

        Raises:
            BackendError: the loss is not finite, or stays above that of zero-shot.
            StoppedError: a signal has come; the state is saved.
        """
        start = self._restore(saved) if saved else 0
        last = time.monotonic()
        job_record.within(start / self._job.settings.steps, begins=True)
        for step in range(start, self._job.settings.steps):
            if step % self._job.settings.validate_every == 0:
                self._validate(step)
            self._step(step)
            job_record.within((step + 1) / self._job.settings.steps)
            if time.monotonic() - last >= seconds or stopping.requested():
                save(self._state(step + 1))
                last = time.monotonic()
                stopping.checkpoint()
        self._validate(self._job.settings.steps)
        if self._chooses:
            self._load_weights(self._best)
        else:
            self._log.chosen_step = self._job.settings.steps
        return self._log

    @property
    def _chooses(self) -> bool:
        """Whether val decides which step's weights are the adapter."""
        return self._job.settings.checkpoint == "val"

    def _step(self, step: int) -> None:
        torch.manual_seed(stable_int("step", self._job.seed, step))  # dropout, independent of what ran before
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(step, self._job.settings)
        batch = self._batches[step]
        pictures, targets = mixed(batch, step, self._job.seed, len(self._job.class_texts), self._job.settings)
        weights = picture_weights(len(batch.labels), batch.real, self._job.settings.real_weight)
        self._clip.model.train()
        self._optimizer.zero_grad(set_to_none=True)
        value = self._backward(pictures, targets, weights)
        self._check(value, step, batch.keys)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._log.losses.append(value)

    def _backward(self, pictures: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> float:
        """Add up the gradients of the micro-batches and return the loss; the texts are encoded once for all."""
        device = self._clip.device
        with self._autocast():
            texts = self._class_features()
        met = texts.detach().requires_grad_(texts.requires_grad)
        value = 0.0
        size = self._job.settings.micro_batch_size or (len(pictures) if device.type == "cuda" else _ON_CPU)
        for part in zip(*(torch.split(tensor, size) for tensor in (pictures, targets, weights)), strict=True):
            some, goals, shares = (tensor.to(device) for tensor in part)
            with self._autocast():
                logits = self._clip.logits(lean_image_features(self._clip, some), met)
            loss = weighted_loss(logits.float(), goals, shares)
            value += loss.item()
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if texts.requires_grad:
            texts.backward(met.grad)  # type: ignore[no-untyped-call]
        return value

    def _class_features(self) -> torch.Tensor:
        """(C, D) unit vectors of the classes, with the updates as they are now."""
        return lean_text_features(self._clip, self._tokens) if self._fixed_text is None else self._fixed_text

    def _autocast(self) -> Any:
        return nullcontext() if self._dtype is None else torch.autocast(self._clip.device.type, self._dtype)

    def _frozen_text(self) -> torch.Tensor | None:
        """Class features once and for all, when no update is in the text tower."""
        if trains_tower(self._clip, "text"):
            return None
        with torch.no_grad():
            return self._clip.text_features(self._tokens)

    def _check(self, loss: float, step: int, keys: Sequence[str]) -> None:
        """Stop a broken training within ten steps; zero-shot's loss is that of the first step, whose updates are 0."""
        if step == 0:
            self._limit = _COLLAPSE * max(loss, math.log(max(2, len(self._job.class_texts))))
        self._recent.append(loss)
        broken = not math.isfinite(loss)
        fallen = len(self._recent) == _WINDOW and sum(self._recent) / _WINDOW > self._limit
        if not broken and not fallen:
            return
        what = (
            f"the loss is {loss}"
            if broken
            else f"the mean loss of {_WINDOW} steps is {loss:.2f}, worse than zero-shot"
        )
        raise BackendError(
            f"{self._job.name}: {what} at step {step} in {self.dtype_name} (batch of {', '.join(keys[:3])}, ...); "
            "no adapter was written; lower adapters.training.learning_rate"
            + ("" if self._dtype is None else ", or set adapters.training.dtype to fp32")
        )

    def _validate(self, step: int) -> None:
        """Score val; where it decides, keep the best weights: the highest accuracy, and of equal ones the lowest loss.

        Step 0 is scored for the curve only: the model without training is a regime of its own.
        """
        score = self._score()
        if score is None:
            self._best, self._log.chosen_step = self._weights(), step
            return
        accuracy, loss = score
        earlier = list(zip(self._log.val_accuracies, self._log.val_losses, strict=True))[1:]
        if self._chooses and step and all((accuracy, -loss) > (other, -its_loss) for other, its_loss in earlier):
            self._best, self._log.chosen_step = self._weights(), step
        self._log.val_steps.append(step)
        self._log.val_accuracies.append(accuracy)
        self._log.val_losses.append(loss)
        logger.info("%s: step %d, val %.3f", self._job.name, step, accuracy)

    @torch.no_grad()
    def _score(self) -> tuple[float, float] | None:
        """Accuracy and loss on val; None without a val split."""
        if not len(self._job.val_labels):
            return None
        self._clip.model.eval()
        texts = self._class_features()
        right, total = 0, 0.0
        with self._autocast():
            for start in range(0, len(self._job.val_labels), 64):
                pictures = self._job.val_pictures[start : start + 64].to(self._clip.device)
                labels = self._job.val_labels[start : start + 64]
                logits = self._clip.logits(self._clip.image_features(pictures), texts).float().cpu()
                right += int((logits.argmax(1) == labels).sum())
                total += float(functional.cross_entropy(logits, labels, reduction="sum"))
        return right / len(self._job.val_labels), total / len(self._job.val_labels)

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self._parameters.items()}

    @torch.no_grad()
    def _load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        for name, value in self._parameters.items():
            value.copy_(weights[name])

    def _state(self, step: int) -> bytes:
        """Everything that the rest of the training depends on, as safetensors with the log in its metadata."""
        tensors = {f"now.{name}": value.detach() for name, value in self._parameters.items()}
        tensors |= {f"best.{name}": value for name, value in self._best.items()}
        for name, value in self._parameters.items():
            tensors |= {f"adam.{key}.{name}": part for key, part in self._optimizer.state[value].items()}
        facts = {"step": step, "log": asdict(self._log), "recent": list(self._recent), "limit": self._limit}
        text = json.dumps(facts | {"scale": self._scaler.get_scale()})
        return save({name: value.contiguous().cpu() for name, value in tensors.items()}, {"varireal": text})

    def _restore(self, saved: bytes) -> int:
        tensors = load(saved)
        header = json.loads(saved[8 : 8 + int.from_bytes(saved[:8], "little")])
        facts = json.loads(header["__metadata__"]["varireal"])
        device = self._clip.device
        self._load_weights({name: tensors[f"now.{name}"].to(device) for name in self._parameters})
        self._best = {name: tensors[f"best.{name}"].to(device) for name in self._parameters}
        for name, value in self._parameters.items():
            parts = ("step", "exp_avg", "exp_avg_sq")
            self._optimizer.state[value] = {
                key: tensors[f"adam.{key}.{name}"].to("cpu" if key == "step" else device) for key in parts
            }
        self._log = Log(**facts["log"])
        self._recent.extend(facts["recent"])
        self._limit = facts["limit"]
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(self._scaler.state_dict() | {"scale": facts["scale"]})
        return int(facts["step"])


@torch.no_grad()
def reset_lora(parameters: dict[str, torch.Tensor], seed: int) -> None:
    """Start afresh: A as PEFT draws it (Kaiming uniform), from the seed and the layer's name; B zero."""
    for name, value in parameters.items():
        if "lora_B" in name:
            value.zero_()
            continue
        generator = torch.Generator().manual_seed(stable_int("lora", seed, name))
        bound = 1 / math.sqrt(value.shape[1])
        value.copy_(torch.empty(value.shape).uniform_(-bound, bound, generator=generator))


def _autocast_dtype(wanted: str, device: torch.device) -> torch.dtype | None:
    if wanted != "auto":
        return _DTYPES[wanted]
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
