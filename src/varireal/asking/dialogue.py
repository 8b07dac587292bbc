"""One question to the model and its repairs, until the answer has the form that was asked for."""

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel

from varireal.asking.answers import AnswerError, read_items
from varireal.asking.questions import Question, request_body
from varireal.asking.traffic import Asker
from varireal.config.asking import OpenAIPrompts
from varireal.prompting.instructions import Instructions, Message

M = TypeVar("M", bound=BaseModel)


async def answered(
    config: OpenAIPrompts,
    instructions: Instructions,
    asker: Asker,
    question: Question,
    item: type[M],
    raw: list[str],
) -> tuple[list[M], list[str]]:
    """Items of the answer, and what was wrong with others in it.

    Args:
        config: how often an answer may be repaired.
        instructions: for the repairs.
        asker: the way to the server.
        question: what is asked.
        item: form of an item.
        raw: gets every answer as it came, as JSON.

    Raises:
        AnswerError: no usable answer after the repairs.
        NoAnswerError: the server did not answer.
    """
    messages: Sequence[Message] = question.messages
    for repair in range(config.repairs + 1):
        asked = Question(question.model, question.template, tuple(messages), question.key, question.seed)
        answer = await asker.ask(request_body(config, asked, item))
        raw.append(json.dumps({"question": question.template, "repair": repair, **answer}, sort_keys=True))
        try:
            return read_items(answer, item, question.key)
        except AnswerError as error:
            if repair == config.repairs or error.code == "refused":
                raise
            messages = instructions.repair(question.template, question.messages, answer["content"] or "", str(error))
    raise AssertionError("unreachable")
