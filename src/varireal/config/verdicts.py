"""``verdicts``: the gates that a candidate must pass to be accepted."""

from typing import Annotated, Any

from pydantic import Field

from varireal.config.base import StrictModel
from varireal.config.fields import Fraction, JudgeName
from varireal.config.judging import (
    DEFAULT_GATES,
    PAPER_GATES,
    AnswerGates,
    OpenAIJudging,
    QuestionsConfig,
    ReviewConfig,
    SilhouetteCheck,
    VlmJudging,
)

# Judges that are models: they get the questions.
ASKING = ("vlm", "openai")

Bound = Annotated[float, Field(ge=0)] | None


class Gates(StrictModel):
    """Limits on a candidate's receipt; null switches a gate off. A measure that is missing fails its gate."""

    min_changed: Annotated[Bound, Field(description="Smallest share of the edited region that changed visibly.")] = (
        None
    )
    max_leak: Annotated[
        Bound, Field(description="Largest change of any pixel outside the edited region, in levels of 255.")
    ] = 0.0
    max_seam: Annotated[Bound, Field(description="Largest seam score along the border of the edited region.")] = None
    min_silhouette_iou: Annotated[
        Fraction | None, Field(description="Smallest overlap of the object found again in the edit with its mask.")
    ] = None
    max_color_distance: Annotated[
        Bound, Field(description="Largest CIEDE2000 distance between the asked colour and the object's.")
    ] = None
    max_hue_distance: Annotated[
        Bound,
        Field(description="Largest distance from the asked hue in degrees; not applied to greys, which have none."),
    ] = None
    min_edge_ssim: Annotated[
        float | None,
        Field(ge=-1, le=1, description="Smallest similarity (SSIM) of the object's edges before and after."),
    ] = None


class GatesByAttribute(StrictModel):
    """One set of gates per attribute."""

    background: Annotated[Gates, Field(description="Gates of background edits.")] = Gates(
        min_changed=0.5, max_seam=0.35, min_silhouette_iou=0.65
    )
    color: Annotated[Gates, Field(description="Gates of colour edits.")] = Gates(
        min_changed=0.5, max_seam=0.6, max_color_distance=12.0, max_hue_distance=15.0, min_edge_ssim=0.25
    )
    texture: Annotated[Gates, Field(description="Gates of texture edits.")] = Gates(
        min_changed=0.5, max_seam=0.6, min_edge_ssim=0.03
    )


class VerdictsConfig(StrictModel):
    """Who judges the candidates, and the gates."""

    judge: Annotated[
        JudgeName,
        Field(
            description=(
                "receipt (what was measured on the candidate, no model); vlm (the receipt, then questions to a "
                "vision-language model), openai (the same questions to a vision endpoint)."
            )
        ),
    ] = "receipt"
    vlm: Annotated[VlmJudging, Field(description="Options of the judge vlm.")] = VlmJudging()
    openai: Annotated[OpenAIJudging, Field(description="Options of the judge openai.")] = OpenAIJudging()
    gates: Annotated[GatesByAttribute, Field(description="A candidate is accepted only if it passes every gate.")] = (
        GatesByAttribute()
    )
    questions: Annotated[QuestionsConfig, Field(description="What the judges vlm and openai ask.")] = QuestionsConfig()
    answers: Annotated[
        AnswerGates | None, Field(description="Gates on the answers to the questions; null: the preset's.")
    ] = None
    silhouette: Annotated[
        SilhouetteCheck, Field(description="Whether the object is looked for again in the edit by a segmenter.")
    ] = SilhouetteCheck()
    reviewed: Annotated[
        ReviewConfig, Field(description="Calibration of the feasibility score by a person's answers.")
    ] = ReviewConfig()

    @property
    def answer_gates(self) -> AnswerGates:
        """The gates on answers that apply."""
        return self.answers or (PAPER_GATES if self.questions.preset == "paper" else DEFAULT_GATES)

    @property
    def asks(self) -> bool:
        """Whether a model of this package is asked questions."""
        return self.judge in ASKING

    def for_judging(self) -> "VerdictsConfig":
        """Without what no verdict depends on: a key that is not in it judges nothing again."""
        update: dict[str, Any] = {"reviewed": ReviewConfig().as_before()}
        if not self.asks:
            update |= {"questions": QuestionsConfig().as_before(), "answers": None}
        if self.silhouette.segmenter is None:
            update["silhouette"] = SilhouetteCheck().as_before()
        return self.model_copy(update=update)
