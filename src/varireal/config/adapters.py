"""``adapters``: what learns, such as a CLIP with LoRA, on what, and for how long."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from varireal.config.base import Added, Fraction, LearnerName, Options, StrictModel, lists
from varireal.config.machine import ModelRef
from varireal.core.registry import described, needs_gpu
from varireal.names import AUGMENTATIONS, TINY
from varireal.statistics.prediction_measures import FURTHER, further_names, unknown_measure


def _known_augmentation(name: str) -> str:
    if name not in AUGMENTATIONS:
        raise ValueError(f"unknown augmentation {name!r}; allowed: {', '.join(AUGMENTATIONS)}")
    return name


class LoraSettings(StrictModel):
    """LoRA on the attention; the names are PEFT's, the defaults the published setting."""

    r: Annotated[int, Field(ge=1, le=512, description="Rank of the updates.")] = 16
    lora_alpha: Annotated[int, Field(ge=1, description="Scale of the updates is lora_alpha / r.")] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout before the updates.")] = 0.1
    target_modules: Annotated[
        tuple[Literal["q_proj", "k_proj", "v_proj", "out_proj"], ...],
        Field(min_length=1, description="Projections of each attention that get an update."),
    ] = ("q_proj", "v_proj")
    towers: Annotated[
        tuple[Literal["image", "text"], ...], Field(min_length=1, description="Towers that get updates.")
    ] = ("image", "text")


class TrainingSettings(StrictModel):
    """How an adapter is trained."""

    steps: Annotated[int, Field(ge=1, description="Optimiser steps; the same for every regime.")] = 30
    batch_size: Annotated[
        int, Field(ge=2, description="Pictures in a step; half of them synthetic where real and synthetic meet.")
    ] = 24
    micro_batch_size: Annotated[
        int | None,
        Field(
            ge=1,
            description=(
                "Pictures of a step that are in memory at once; their gradients are added up, so only rounding and "
                "dropout depend on it. null: all on a GPU, 8 on a CPU."
            ),
        ),
    ] = None
    learning_rate: Annotated[float, Field(gt=0, description="Peak of the cosine schedule.")] = 0.002
    min_learning_rate: Annotated[float, Field(ge=0, description="End of the cosine schedule.")] = 1e-8
    weight_decay: Annotated[float, Field(ge=0, description="Of AdamW.")] = 0.0001
    warmup_fraction: Annotated[Fraction, Field(description="Share of the steps with linear warm-up.")] = 0.1
    real_weight: Annotated[
        Fraction, Field(description="Weight of the real pictures' loss; the synthetic ones' has the rest.")
    ] = 0.5
    validate_every: Annotated[int, Field(ge=1, description="Steps between two looks at val.")] = 10
    checkpoint: Annotated[
        Literal["last", "val"],
        Field(
            description=(
                "Whose weights are the adapter: last (those after the last step, so that compared adapters had equal "
                "training) or val (those of the best look at val, which arms may find at different steps)."
            )
        ),
        Added(before="val"),
    ] = "last"
    augmentation: Annotated[
        str,
        AfterValidator(_known_augmentation),
        Field(
            description=(
                "published (with colour jitter, grey, solarise, blur: they erase part of what color and texture arms "
                "differ in), color_safe (without those) or none."
            )
        ),
    ] = "color_safe"
    mixup: Annotated[Fraction, Field(description="Share of the steps whose pictures are mixed (mixup).")] = 0.0
    cutmix: Annotated[Fraction, Field(description="Share of the steps whose pictures are patched (cutmix).")] = 0.0
    dtype: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        Field(description="auto: bf16 (or fp16) autocast on a GPU, fp32 on a CPU."),
    ] = "auto"


CLIP = "clip"


class AdaptersConfig(StrictModel):
    """Classifiers: CLIP, fine-tuned with LoRA on each regime, or another learner."""

    learner: Annotated[
        LearnerName,
        Field(
            description=(
                f"What is trained on each regime: {described('learners')}, which the keys from model to training are "
                "about; or a learner of another package."
            ),
            json_schema_extra=lists("learners"),
        ),
        Added(before=CLIP),
    ] = CLIP
    options: Annotated[Options, Added(before={})] = Field(default_factory=dict)
    model: Annotated[
        str,
        Field(
            min_length=1,
            description=(
                "tiny (ships with the package), a folder or .safetensors file, or a hub id; an open_clip model or a "
                "transformers CLIPModel or SiglipModel."
            ),
        ),
    ] = TINY
    architecture: Annotated[
        str | None,
        Field(description="open_clip's name of the model in a .safetensors file, such as ViT-B-16-quickgelu."),
    ] = None
    revision: Annotated[str | None, Field(description="Commit of a hub id to pin.")] = None
    class_prompt: Annotated[
        str, Field(description="Text of each class; {class} and {noun} are filled in.", pattern=r"\{class\}")
    ] = "a {noun} photo of a {class}"
    lora: Annotated[LoraSettings, Field(description="The low-rank updates.")] = LoraSettings()
    training: Annotated[TrainingSettings, Field(description="How an adapter is trained.")] = TrainingSettings()
    regimes: Annotated[
        tuple[str, ...],
        Field(
            description=(
                "What adapters are trained on, by name or with * for any: real, classic-augmentation, "
                "duplicated-real, identity-edits, synthetic-ATTRIBUTE-ARM and real+synthetic-ATTRIBUTE-ARM with "
                "ATTRIBUTE background, color, texture or all, and ARM feasible, infeasible or mixed. Empty: no "
                "classifier is trained."
            )
        ),
    ] = (
        "real",
        "real+synthetic-*-feasible",
        "real+synthetic-*-infeasible",
        "real+synthetic-all-mixed",
        "synthetic-all-feasible",
        "synthetic-all-infeasible",
        "classic-augmentation",
        "duplicated-real",
        "identity-edits",
    )
    all_of: Annotated[
        tuple[str, ...] | None,
        Field(
            description=(
                "Attributes that `all` means; they, their `all` regimes and the controls are trained on equally many "
                "pictures of a class, any other attribute on as many as it has pairs. null: background, color and "
                "texture, those of them that are edited. To add one of the three to a finished study, name the "
                "others here, or their classifiers are trained again."
            )
        ),
        Added(before=None),
    ] = None
    seeds: Annotated[int, Field(ge=1, le=100, description="Trainings of each regime, each with another seed.")] = 4
    jobs: Annotated[
        int,
        Field(ge=1, le=1000, description="Jobs that the trainings are dealt to; the result does not depend on it."),
    ] = 2

    @property
    def weights(self) -> ModelRef | None:
        """The model that a CLIP starts from; None where it ships with the package, and for another learner."""
        ours = self.learner != CLIP or self.model == TINY
        return None if ours else ModelRef(id=self.model, revision=self.revision)

    @property
    def wants_gpu(self) -> bool:
        """Whether trainings want a GPU."""
        return self.weights is not None or needs_gpu("learners", self.learner)


class StatisticsConfig(StrictModel):
    """What the report tests."""

    level: Annotated[float, Field(gt=0.5, lt=1, description="Confidence level of intervals and tests.")] = 0.95
    margin_points: Annotated[
        float,
        Field(gt=0, le=100, description="Margin of the equivalence test, in points of accuracy; 0.3 was published."),
    ] = 0.3
    resamples: Annotated[int, Field(ge=100, le=100_000, description="Resamples of the bootstrap.")] = 2000
    measures: Annotated[
        tuple[Annotated[str, Field(json_schema_extra=lambda schema: schema.update(enum=further_names()))], ...],
        Field(
            description=(
                "Measures on predictions that are reported beside top-1, with intervals and tests of their own: "
                f"{', '.join(FURTHER)}, or those of other packages."
            ),
        ),
        Added(before=()),
    ] = ()

    @field_validator("measures")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        wrong = unknown_measure(names)
        if wrong is not None:
            raise ValueError(wrong)
        return names
