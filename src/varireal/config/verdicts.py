"""``verdicts``: who judges the candidates, what judges that are models are asked, and the gates to pass."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from varireal import attributes
from varireal.config.base import Added, Fraction, JudgeName, Options, SegmenterName, StrictModel, block_of
from varireal.config.hosted import Name, Server
from varireal.config.machine import ModelRef
from varireal.core.registry import described, known_backend
from varireal.metrics import measures


class QuestionsConfig(StrictModel):
    """What a model is asked about each candidate; the expected answer is no part of it."""

    preset: Annotated[
        Literal["default", "paper"],
        Field(
            description=(
                "default: two questions on presence and two on feasibility, each with its negation; paper: the "
                "published wording, score and threshold, without controls."
            )
        ),
    ] = "default"
    file: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Questions of your own, a YAML file like the package's assets/judging/default.yaml.",
        ),
    ] = None
    twins: Annotated[
        bool, Field(description="Also ask the negation of each question: a judge that always says yes shows itself.")
    ] = True
    blank: Annotated[
        bool, Field(description="Also ask everything about a uniform grey picture, once per prompt and class.")
    ] = True
    min_mass: Annotated[
        Fraction,
        Field(
            description="Least probability that the first word is yes or no at all; below it the answer is unknown."
        ),
    ] = 0.5


class ArmAgreement(StrictModel):
    """Gates on feasibility, by arm; null switches one off."""

    feasible: Annotated[
        Fraction | None, Field(description="Feasible arm: least probability of yes to both feasibility questions.")
    ] = None
    infeasible: Annotated[
        Fraction | None, Field(description="Infeasible arm: least probability of no to both feasibility questions.")
    ] = None


class AnswerGates(StrictModel):
    """Limits on a model's answers; null switches a gate off. An unknown answer fails its gate."""

    min_present_1: Annotated[
        Fraction | None, Field(description="Least probability of yes to the first question on presence.")
    ] = 0.5
    min_present_2: Annotated[
        Fraction | None, Field(description="Least probability of yes to the second question on presence.")
    ] = 0.5
    feasibility_agrees: Annotated[
        ArmAgreement, Field(description="Whether the judge must agree with the arm; off, so that it can be measured.")
    ] = ArmAgreement()
    max_yes_bias: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.5,
            description="Largest yes-bias, 0 for a judge that never contradicts itself, 0.5 for one that always says "
            "yes; on the picture and on the grey one.",
        ),
    ] = 0.25
    min_score: Annotated[
        Fraction | None,
        Field(description="Least share of the four answers that are as expected, the published score."),
    ] = None


DEFAULT_GATES = AnswerGates()
# main_pipeline.py:234 of the released code, without its way out after two cycles.
PAPER_GATES = AnswerGates(min_present_1=None, min_present_2=None, max_yes_bias=None, min_score=0.5)


class VlmJudging(StrictModel):
    """Options of ``judge: vlm``: a vision-language model of transformers."""

    model: Annotated[
        ModelRef, Field(description="Image-text-to-text model; published: llava-hf/llava-v1.6-mistral-7b-hf.")
    ] = ModelRef(id="Qwen/Qwen3-VL-4B-Instruct")
    quantize: Annotated[
        Literal["none", "8bit", "4bit"],
        Field(description="Weights in 8 or 4 bits, for small GPUs; needs the package bitsandbytes. Published: 8bit."),
    ] = "none"
    long_side: Annotated[
        int | None,
        Field(ge=64, le=4096, description="Longest side at which pictures are shown, in pixels; null: as they are."),
    ] = 768


class OpenAIJudging(StrictModel):
    """Options of ``judge: openai``: a vision endpoint."""

    model: Annotated[Name, Field(description="Model, as the server calls it.")] = "gpt-4.1-mini"
    long_side: Annotated[
        int | None,
        Field(ge=64, le=4096, description="Longest side at which pictures are sent, in pixels; null: as they are."),
    ] = 768
    image_format: Annotated[Literal["png", "jpeg"], Field(description="How pictures are sent.")] = "jpeg"
    jpeg_quality: Annotated[int, Field(ge=50, le=100, description="Quality of JPEG.")] = 92
    detail: Annotated[
        Literal["auto", "low", "high"] | None,
        Field(description="How closely the server is to look, for servers that know it; null: not sent."),
    ] = None
    temperature: Annotated[float | None, Field(ge=0, le=2, description="Sampling temperature; null: not sent.")] = 0.0
    max_tokens: Annotated[
        int, Field(ge=1, le=4096, description="Longest answer in tokens; a model that thinks first needs more.")
    ] = 5
    server: Annotated[Server, Field(description="Where the server is, and how it is paid.")] = Server()


class SilhouetteCheck(StrictModel):
    """The object is segmented again in the edit and compared with its mask: not grown, cut or doubled."""

    segmenter: Annotated[
        SegmenterName | None, Field(description="Who segments the edit, with its options in masks; null: no check.")
    ] = None
    min_iou: Annotated[
        Fraction | None, Field(description="Smallest overlap of the object's new outline with its mask.")
    ] = 0.75
    min_area_ratio: Annotated[
        float | None, Field(ge=0, description="Smallest area of the new outline, as a multiple of the mask's.")
    ] = 0.8
    max_area_ratio: Annotated[
        float | None, Field(ge=0, description="Largest area of the new outline, as a multiple of the mask's.")
    ] = 1.25
    max_objects: Annotated[
        int | None,
        Field(ge=1, description="Most objects of the class in the edit, for segmenters that count; null: any number."),
    ] = 1

    @model_validator(mode="after")
    def _can_segment(self) -> "SilhouetteCheck":
        if self.segmenter == "provided":
            raise ValueError("segmenter: 'provided' has no mask of an edit; use one that segments, such as grabcut")
        return self


class ReviewConfig(StrictModel):
    """A person's answers on some pictures, by which the judge's feasibility score is calibrated."""

    path: Annotated[
        str | None,
        Field(min_length=1, description="CSV made by 'varireal verdicts sample' and filled in; null: not calibrated."),
    ] = None
    calibration: Annotated[
        Literal["platt", "isotonic"],
        Field(description="How a score becomes a probability: a logistic curve, or any rising one (needs more rows)."),
    ] = "platt"
    minimum: Annotated[
        int, Field(ge=10, description="Reviewed pictures that are needed, with both answers among them.")
    ] = 20
    resamples: Annotated[int, Field(ge=200, le=100_000, description="Bootstrap resamples of the intervals.")] = 2000
    level: Annotated[float, Field(gt=0.5, lt=1, description="Level of the intervals.")] = 0.95


def _gate(row: measures.Measure) -> tuple[Any, Any]:
    """Annotation and default of a gate; limits that nobody would guess belong to the key, and are shown beside it."""
    # a gate that came later is in no slice while it is off
    later = () if row.column in measures.RECEIPT_FIELDS else (Added(before=None),)
    if row.low == 0:
        bound = Annotated[float, Field(ge=row.low, le=row.high)] | None
        return Annotated[(bound, Field(description=row.gate_doc), *later)], row.default
    return Annotated[(float | None, Field(ge=row.low, le=row.high, description=row.gate_doc), *later)], row.default


if TYPE_CHECKING:
    _GateKeys = StrictModel
else:
    _GateKeys = block_of("_GateKeys", {gate: _gate(row) for gate, row in measures.gated().items()})


class Gates(_GateKeys):
    """Limits on a candidate's receipt; null switches a gate off. A measure that is missing fails its gate."""


def _gates(row: attributes.Attribute) -> tuple[Any, Any]:
    """Annotation and default of the gates of an attribute; its row is checked where a study edits it."""
    doc = Field(description=f"Gates of {row.title} edits.")
    default = Gates() if measures.problem(row) else Gates(**row.gates)
    if row.name in attributes.PUBLISHED_ATTRIBUTES:
        return Annotated[Gates, doc], default
    whole = BeforeValidator(lambda given: {**default.model_dump(), **given} if isinstance(given, dict) else given)
    return Annotated[Gates, doc, whole, Added(before=Gates())], default


if TYPE_CHECKING:
    _AttributeKeys = StrictModel
else:
    _AttributeKeys = block_of("_AttributeKeys", {name: _gates(row) for name, row in attributes.every().items()})


class GatesByAttribute(_AttributeKeys):
    """One set of gates per attribute."""


class VerdictsConfig(StrictModel):
    """Who judges the candidates, and the gates."""

    judge: Annotated[
        JudgeName,
        Field(description=f"{described('judges')}."),
    ] = "receipt"
    options: Annotated[Options, Added(before={})] = Field(default_factory=dict)
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
        return known_backend("judges", self.judge).asks

    def for_judging(self, edited: Collection[str]) -> "VerdictsConfig":
        """Without what no verdict depends on: a key that is not in it judges nothing again.

        Args:
            edited: attributes that the study edits.
        """
        gates = self.gates.without(attributes.uncounted(edited))
        update: dict[str, Any] = {"reviewed": ReviewConfig().as_before(), "gates": gates}
        if not self.asks:
            update |= {"questions": QuestionsConfig().as_before(), "answers": None}
        if self.silhouette.segmenter is None:
            update["silhouette"] = SilhouetteCheck().as_before()
        return self.model_copy(update=update)
