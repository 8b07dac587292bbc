"""What hosted models of a study will cost: tokens and US dollars, counted here; nothing is sent."""

from collections.abc import Sequence

import numpy as np

from varireal.asking.images import image_tokens
from varireal.asking.meter import price_of
from varireal.asking.picture_meter import expected_tokens, planned_cost
from varireal.asking.planning import planned
from varireal.asking.tokens import count_tokens
from varireal.config.judging import OpenAIJudging
from varireal.judges.questions import Questions
from varireal.layout import Layout
from varireal.observing.amounts import Estimate, StagePlan
from varireal.observing.plan_items import Amounts

_NO_PRICE = "no price for {model} in {place}"
# Tokens that a yes or a no takes, and what is sent around a question (as in asking.meter).
_ANSWER, _AROUND = 2, 4


def put_money(layout: Layout, amounts: Amounts, stages: Sequence[StagePlan]) -> None:
    """Fill in tokens and money of the stages that ask a server."""
    by_name = {stage.stage: stage for stage in stages}
    if layout.asks:
        _put_prompts(layout, by_name["prompts"])
    if layout.config.edits.backend == "openai_images":
        _put_edits(layout, by_name["edits"])
    if layout.config.verdicts.judge == "openai":
        _put_verdicts(layout, amounts, by_name["verdicts"])


def _put_prompts(layout: Layout, plan: StagePlan) -> None:
    """As ``varireal prompts plan``; repairs and second attempts come on top, once each at worst here."""
    asking = layout.config.prompts.openai
    found = planned(layout.config, layout.classes, layout.paths, tokens=True)
    tokens = sum(found.writing) + sum(found.judging)
    plan.tokens = Estimate(tokens, 2 * tokens)
    parts = ((asking.model, found.writing), (asking.judge.model or asking.model, found.judging))
    prices = [price_of(asking.server.prices, model, *amount) for model, amount in parts if any(amount)]
    plan.reasons.append(f"{found.kept} answers are kept; the range is from one attempt at everything to two")
    if None in prices:
        plan.usd = None
        plan.reasons.append(_NO_PRICE.format(model=asking.model, place="prompts.openai.server.prices"))
    else:
        usd = sum(price for price in prices if price is not None)
        plan.usd = Estimate(usd, 2 * usd)


def _put_edits(layout: Layout, plan: StagePlan) -> None:
    settings = layout.config.edits.openai_images
    low, high = plan.left
    each = sum(expected_tokens(settings))
    plan.tokens = Estimate(each * low, each * high)
    least, most = planned_cost(settings, low).usd, planned_cost(settings, high).usd
    plan.usd = None if least is None or most is None else Estimate(least, most)
    plan.reasons.append("tokens as published for gpt-image-1; of other models they are a first guess")
    if plan.usd is None:
        place = "edits.openai_images.server (prices or usd_per_image)"
        plan.reasons.append(_NO_PRICE.format(model=settings.model, place=place))


def _put_verdicts(layout: Layout, amounts: Amounts, plan: StagePlan) -> None:
    """Every question about every candidate at most; only those that pass the receipt are asked about."""
    verdicts = layout.config.verdicts
    settings = verdicts.openai
    questions = Questions(verdicts.questions, layout.config.images.noun)
    class_name = max(layout.classes.values(), key=len)
    side = _side(layout, settings)
    sent, asked = 0.0, 0.0
    for attribute in layout.config.edits.attributes:
        texts = questions.about(attribute=attribute, class_name=class_name, name="a short name").values()
        picture = _picture_tokens(settings, side)
        times = 2 if questions.blank else 1  # a grey picture is asked about as well
        sent += times * sum(count_tokens(text) + picture + _AROUND for text in texts)
        asked += times * len(texts)
    many = len(layout.config.edits.attributes)
    sent, answered = sent / many, _ANSWER * asked / many
    low, high = plan.left
    plan.tokens = Estimate((sent + answered) * low * amounts.rate.low, (sent + answered) * high)
    price = price_of(settings.server.prices, settings.model, sent, answered)
    plan.usd = None if price is None else Estimate(price * low * amounts.rate.low, price * high)
    plan.reasons.append("only candidates that pass the receipt are asked about; at most all of them are")
    if price is None:
        plan.reasons.append(_NO_PRICE.format(model=settings.model, place="verdicts.openai.server.prices"))


def _side(layout: Layout, settings: OpenAIJudging) -> int:
    """Longest side of a picture that is sent."""
    images = layout.config.images
    largest = images.demo.size if images.source == "demo" else images.reading.max_side
    return min(largest, settings.long_side or largest)


def _picture_tokens(settings: OpenAIJudging, side: int) -> int:
    from varireal.asking.images import data_url
    from varireal.pictures import encode_png

    return image_tokens(data_url(encode_png(np.zeros((side, side, 3), np.uint8)), "png")) if settings else 0
