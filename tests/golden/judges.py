"""Judges: P(yes) of every question about a photo and about the grey control, by each family of models."""

import math

from golden.comparing import save_values
from golden.edits import photo
from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.verdicts import QuestionsConfig, VlmJudging
from varireal.core.pictures import encode_png
from varireal.judges.base import Asked, grey_picture
from varireal.judges.questions import Questions
from varireal.judges.vlm import VlmJudge

VALUES = "judges/p_yes.json"
FAMILIES = ("llava_next", "qwen3_vl", "smolvlm")
_NAMES = {"background": "coral reef", "color": "teal", "texture": "knitted wool"}
# picture, attribute, preset of the questions
_ASKED = (
    ("photo", "background", "default"),
    ("photo", "color", "default"),
    ("photo", "texture", "default"),
    ("negative", "color", "default"),
    ("grey", "color", "default"),
    ("photo", "color", "paper"),
)


def p_yes(tiny_model, family, *, noun="cat", **options):
    """P(yes), and the logarithm of the probability of any yes or no, by picture, attribute, preset and question."""
    settings = VlmJudging(model=ModelRef(id=str(tiny_model(family))), **options)
    machine = MachineConfig(device="cpu", dtype="float32")
    judge = VlmJudge.from_config(settings, BackendContext(machine=machine))
    image = photo(72, 96)[0]
    pictures = {"photo": encode_png(image), "negative": encode_png(255 - image), "grey": grey_picture()}
    texts = [
        Questions(QuestionsConfig(preset=preset), noun).about(
            attribute=attribute, class_name="Bombay", name=_NAMES[attribute]
        )
        for _, attribute, preset in _ASKED
    ]
    answers = judge.ask(
        [Asked(pictures[where[0]], tuple(asked.values())) for where, asked in zip(_ASKED, texts, strict=True)]
    )
    found = {}
    for where, asked, group in zip(_ASKED, texts, answers, strict=True):
        for question, answer in zip(asked, group, strict=True):
            place = ", ".join((*where, question))
            found[place] = round(answer.p_yes, 6)
            found[f"{place}, log of mass"] = round(math.log(answer.mass), 6)
    judge.close()
    return found


def write(folder, tiny_model, scratch):
    """Every answer, into ``folder/judges``."""
    save_values(folder / VALUES, {family: p_yes(tiny_model, family) for family in FAMILIES})
