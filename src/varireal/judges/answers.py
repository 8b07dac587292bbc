r"""Answers with yes or no: reading them, and what follows from them: yes-bias, the scores before calibration.

An answer is read from the probabilities of its first word where there are some, else strictly from its words.

Let ``l(q)`` be the logit of P(yes) to question ``q`` and ``l(t)`` that to its twin, whose right answer is the
opposite. A judge that believes ``s`` in favour of the question and leans towards yes by ``b``, whatever is asked,
answers with ``l(q) = s + b`` and ``l(t) = -s + b``. So the sum shows the bias and the difference the belief:

    b = (l(q) + l(t)) / 2,        s = (l(q) - l(t)) / 2.

The grey picture gives a second look at ``b``: there, too, the belief cancels in the sum. The feasibility score of a
picture is the mean over the two feasibility questions of

    s = mean of  l(q) - b  and  b - l(t),

over those of the two that have an answer, with ``b`` the mean of the picture's and the grey picture's. With both
answers the bias cancels whatever it is; with one of them missing, the grey picture is what corrects it. Nothing else
of the grey picture is taken away: what the judge knows from the words alone is knowledge, and is shown beside the
score as ``p_feasible_words``. Content-free inputs that show a model's bias: Zhao et al. 2021, "Calibrate before use",
ICML.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from varireal.judges.base import Answer
from varireal.names import BLANK, FEASIBLE, MAIN, TWIN

_WORDS = {"yes": True, "no": False}
# A tokenizer may have a word alone, with the space before it (SentencePiece, byte-level BPE), in any spelling.
_SPELLINGS = (str.title, str.lower, str.upper)
_SPACES = ("", " ", "\u2581", "\u0120")
_WORD = re.compile(r"[^\W\d_]+")
_SHOWN = 120
# What earlier versions said of replies that were none, such as an error with status 200, and kept for ever.
_EMPTY = "an empty answer"


def answer_tokens(vocabulary: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Token ids of yes and of no, in every spelling that is one token."""
    yes, no = (
        sorted(
            vocabulary[form]
            for form in {space + spell(word) for space in _SPACES for spell in _SPELLINGS} & vocabulary.keys()
        )
        for word in _WORDS
    )
    return yes, no


def from_masses(yes: float, no: float) -> Answer:
    """An answer from the probabilities of yes and of no as the first word."""
    mass = yes + no
    if not mass > 0:
        return Answer(None, 0.0, "neither yes nor no has any probability")
    return Answer(yes / mass, min(mass, 1.0))


def from_logprobs(tokens: Sequence[Iterable[tuple[str, float]]]) -> Answer | None:
    """An answer from the likeliest tokens in each place of what was said; None when there are none.

    Args:
        tokens: for each place, tokens with their log-probabilities, the one that was said among them.
    """
    for place in tokens:
        likely = [(text.strip().lower(), math.exp(value)) for text, value in place]
        best = max(likely, key=lambda entry: entry[1], default=("", 0.0))
        if best[0]:  # a line break or a space is no word yet
            return from_masses(
                math.fsum(value for text, value in likely if text == "yes"),
                math.fsum(value for text, value in likely if text == "no"),
            )
    return None


def is_answer(answer: Answer) -> bool:
    """Whether a kept answer is one; what an outage may have left is asked again, which is free where it is one."""
    return answer.told != _EMPTY


def from_text(text: str | None) -> Answer:
    """An answer from words: the first one must be yes or no, and the other must not follow."""
    words = [word.lower() for word in _WORD.findall(text or "")]
    first = words[0] if words else ""
    if first not in _WORDS or len(_WORDS.keys() & set(words)) > 1:
        shown = " ".join((text or "").split())[:_SHOWN]
        return Answer(None, None, f"neither yes nor no: {shown!r}" if shown else _EMPTY)
    return Answer(1.0 if _WORDS[first] else 0.0)


# Answers in words are 0 or 1; a logit needs something between. A model's own probabilities are cut at the same place.
_CERTAIN = 1e-3

Probabilities = Mapping[str, float]  # P(yes) by question


def usable(answers: Mapping[str, Answer], min_mass: float) -> dict[str, float]:
    """P(yes) by question, of the answers that are one.

    Args:
        answers: by question.
        min_mass: least probability of yes and no together.
    """
    return {
        key: answer.p_yes
        for key, answer in answers.items()
        if answer.p_yes is not None and (answer.mass is None or answer.mass >= min_mass)
    }


def why_unknown(answer: Answer, min_mass: float) -> str:
    """One phrase about an answer that is not usable."""
    if answer.p_yes is None:
        return answer.told or "no answer"
    return f"yes and no have probability {answer.mass:.2g} together, below {min_mass:g}"


def yes_bias(p_yes: Probabilities, keys: Iterable[str]) -> float | None:
    """How much more than one P(yes) to a question and to its twin add up to, halved: 0 fair, 0.5 always yes.

    Args:
        p_yes: P(yes) by question.
        keys: questions with an end such as ``_blank``; pairs without both answers do not count. None without any.
    """
    pairs = [(p_yes[key], p_yes[twin]) for key in keys if key in p_yes and (twin := _twin_of(key)) in p_yes]
    return math.fsum((one + other) / 2 - 0.5 for one, other in pairs) / len(pairs) if pairs else None


def score(p_yes: Probabilities, feasibility: str) -> float:
    """The published score: share of the four questions whose answer is as expected; an unknown one is not."""
    agreed = 0
    for key in MAIN:
        yes_expected = key not in FEASIBLE or feasibility == "feasible"
        value = p_yes.get(key, 0.5)
        agreed += value > 0.5 if yes_expected else value < 0.5
    return agreed / len(MAIN)


def feasible_logit(p_yes: Probabilities, end: str = "") -> float | None:
    """The feasibility score before calibration, as a logit; None without any answer.

    Args:
        p_yes: P(yes) by question.
        end: ``_blank`` for what the words alone say.
    """
    beliefs = [belief for key in FEASIBLE if (belief := _belief(p_yes, key, end)) is not None]
    return math.fsum(beliefs) / len(beliefs) if beliefs else None


def _belief(p_yes: Probabilities, key: str, end: str) -> float | None:
    asked, twin = p_yes.get(key + end), p_yes.get(key + TWIN + end)
    sums = [bias for place in dict.fromkeys((end, BLANK)) if (bias := _bias(p_yes, key, place)) is not None]
    bias = math.fsum(sums) / len(sums) if sums else 0.0
    beliefs = [logit(asked) - bias] if asked is not None else []
    beliefs += [bias - logit(twin)] if twin is not None else []
    return math.fsum(beliefs) / len(beliefs) if beliefs else None


def _bias(p_yes: Probabilities, key: str, end: str) -> float | None:
    asked, twin = p_yes.get(key + end), p_yes.get(key + TWIN + end)
    return None if asked is None or twin is None else (logit(asked) + logit(twin)) / 2


def _twin_of(key: str) -> str:
    plain = key.removesuffix(BLANK)
    return f"{plain}{TWIN}{key[len(plain) :]}"


def logit(p: float) -> float:
    """Log-odds, of a probability kept off 0 and 1."""
    held = min(max(p, _CERTAIN), 1 - _CERTAIN)
    return math.log(held / (1 - held))


def sigmoid(value: float) -> float:
    """Probability of log-odds."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def pairs_on(end: str) -> Sequence[str]:
    """The four questions with an end."""
    return [key + end for key in MAIN]
