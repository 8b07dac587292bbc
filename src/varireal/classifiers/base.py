"""What a learner is: trained on pictures of some classes, it says of other pictures how probable each class is.

A third party adds ``[project.entry-points."varireal.learners"] mine = "my_package:MyLearner"``; then
``adapters.learner: mine`` works, and ``adapters.options`` are the keyword arguments of its class. One that can name
classes before any training says so in brackets, ``"my_package:MyLearner [zero_shot]"``; else there is no regime
zero-shot in its studies, neither as a job nor in a comparison. ``gpu`` in the brackets asks schedulers for one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from varireal.core.seeds import digest
from varireal.records import Array


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to train on or to score.

    Attributes:
        key: digest of its pixels' origin; equal keys are equal pictures.
        label: number of its class.
        load: gives (H, W, 3) uint8 sRGB.
        augmentation: preset that it always gets; empty for the configured one.
    """

    key: str
    label: int
    load: Callable[[], Array]
    augmentation: str = ""


@dataclass(frozen=True, slots=True)
class TrainingPool:
    """What one regime is trained on.

    Attributes:
        real: real photos; empty when the regime has none.
        synthetic: edits, or the pictures of a control, that fill the synthetic half.
        notes: what a reader of the results must know.
    """

    real: tuple[Picture, ...]
    synthetic: tuple[Picture, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Changes when a picture, a label or their order does."""
        parts = [f"{p.key} {p.label} {p.augmentation}" for group in (self.real, self.synthetic) for p in group]
        return digest(len(self.real), *parts)


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """One training that is wanted.

    Attributes:
        name: regime and seed, for messages.
        seed: seed of everything; the arms of a comparison share it, so that they differ in their pictures alone.
        classes: display names; the label of a picture is a place in it.
        pool: what to train on.
        val: pictures to follow the training on, or to choose by; may be empty. Test pictures are never seen.
    """

    name: str
    seed: int
    classes: tuple[str, ...]
    pool: TrainingPool
    val: Sequence[Picture] = ()


@dataclass
class Log:
    """What a training says of itself.

    Attributes:
        losses: of each step.
        val_steps: steps before which val was scored; the last one is the number of steps.
        val_accuracies: top-1 on val.
        val_losses: cross entropy on val, which decides between equal accuracies.
        chosen_step: steps that the adapter's weights had seen.
    """

    losses: list[float] = field(default_factory=list)
    val_steps: list[int] = field(default_factory=list)
    val_accuracies: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    chosen_step: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gave.

    Attributes:
        weights: everything that ``Learner.load`` needs, as the bytes of a safetensors file.
        settings: JSON beside the weights (``adapter_config.json``), for people and other programs.
        log: for the learning curves; may stay empty.
        dtype: number format that was computed in.
    """

    weights: bytes
    settings: Mapping[str, Any] = field(default_factory=dict)
    log: Log = field(default_factory=Log)
    dtype: str = "float32"


class StateKeeper(Protocol):
    """Keeps the state of a training, which a killed job goes on from."""

    @property
    def due(self) -> bool:
        """Whether a state should be kept now: a minute has gone by, or the job was asked to stop."""
        ...

    def __call__(self, state: bytes) -> None:
        """Keep a state in place of the one before. The job ends here when it was asked to stop."""
        ...


class Learner(Protocol):
    """Trains classifiers and scores pictures with them.

    A learner may also have ``facts``, a dict of JSON values for ``training.json`` and for the page, such as the model
    that it starts from.

    Attributes:
        name: config name.
        version: raised whenever the same task would give other weights; of another package, the package's counts.
        fingerprint: digest of what each training starts from, such as weights of a base model; may be empty.
        device: what it runs on, ``cpu`` or ``cuda``: results of one are not taken for those of another.
    """

    name: str
    version: int
    fingerprint: str
    device: str

    def train(self, task: TrainingTask, saved: bytes | None, keep: StateKeeper) -> Trained:
        """Train from the start, whatever was trained or loaded before; the same task gives the same weights.

        Args:
            task: what is wanted.
            saved: state of the same training that was interrupted, as ``keep`` got it; None: there is none.
            keep: asked now and then whether a state is due, and then given one. A learner that trains within seconds
                need not.
        """
        ...

    def load(self, weights: bytes | None) -> None:
        """Put weights that ``train`` gave in place; None: be as before any training, which only zero-shot asks for.

        Raises:
            ValueError: they are not weights of this learner with these settings; the message says why.
        """
        ...

    def probabilities(self, pictures: Sequence[Picture], classes: Sequence[str]) -> Array:
        """Probability of each class for each picture with what was loaded: (N, C) float, each row sums to 1.

        Args:
            pictures: to score; the same sequence for each set of weights, so what is read of them can be held.
            classes: display names in the order of the columns.
        """
        ...


@runtime_checkable
class NamesDependencies(Protocol):
    """A learner that says itself which of its settings weights and scores depend on; else all its options count."""

    def dependencies(self, classes: Sequence[str], *, training: bool) -> Sequence[str]:
        """Texts that change when weights (``training``) or scores do."""
        ...


def dependencies(learner: Learner, classes: Sequence[str], *, training: bool) -> Sequence[str]:
    """What weights or scores of a learner depend on, besides pictures, seed, fingerprint and device: for item keys."""
    if isinstance(learner, NamesDependencies):
        return learner.dependencies(classes, training=training)
    return classes
