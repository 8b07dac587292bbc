"""Pictures judged per second: the published way, and questions in batches, with the same weights in one process.

python benchmarks/judges.py                                  # full size on a GPU, tiny without one
python benchmarks/judges.py --size full --pictures 32 --models llava-v1.6-mistral-7b

Random weights of the real sizes, no download. The published way asks one question about one picture at a time and lets
the model write its answer; with random weights it would never stop, so it is stopped after a word and a full stop, as
an obedient model would (``--words``; the released code allows 64). Ours reads the probability of yes from one pass and
shares a picture among its questions. Both get the four published questions; "all controls" adds twins and grey
pictures. From encoded pictures to answers.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import judge_models
import numpy as np
import torch
from common import ROOT, save

from varireal.config.machine import MachineConfig
from varireal.config.verdicts import QuestionsConfig, VlmJudging
from varireal.core.pictures import encode_png
from varireal.judges.base import Asked, grey_picture, shown_picture
from varireal.judges.questions import Questions
from varireal.judges.vlm import Chat, Plain, Sharing, VlmJudge
from varireal.models.device import Device, find_device

sys.path.insert(0, str(ROOT / "tests"))
from tiny.models import build as build_tiny

TINY = ("llava_next", "qwen3_vl")
PROMPTS = ("lake shore", "oil-rig deck", "snowy forest", "underwater reef")


def pictures(count: int, side: int) -> list[bytes]:
    """Smooth noise of photos' shapes as PNG."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        height, width = ((side * 3 // 4, side), (side, side * 3 // 4), (side, side))[number % 3]
        small = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        made.append(encode_png(np.ascontiguousarray(small.repeat(8, 0).repeat(8, 1)[:height, :width])))
    return made


def questions(config: QuestionsConfig, number: int) -> tuple[str, ...]:
    """The texts about one picture."""
    asked = Questions(config, "pet").about(
        attribute="background", class_name="Yorkshire terrier", name=PROMPTS[number % len(PROMPTS)]
    )
    return tuple(asked.values())


def asked(shown: Sequence[bytes], config: QuestionsConfig, blank: bool) -> list[Asked]:
    """Every picture with its questions; with ``blank`` also the grey one, once per prompt as the stage asks it."""
    found = [Asked(one, questions(config, number)) for number, one in enumerate(shown)]
    grey = [Asked(grey_picture(), questions(config, number)) for number in range(min(len(PROMPTS), len(shown)))]
    return found + (grey if blank else [])


def published(chat: Chat, wanted: Sequence[Asked], words: int) -> list[str]:
    """One question at a time, answered in words."""
    answers = []
    for one in wanted:
        for text in one.texts:
            inputs = chat.processor.apply_chat_template(
                [{"role": "user", "content": [{"type": "image", "image": shown_picture(one.picture, None)},
                                              {"type": "text", "text": text}]}],
                tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True,
            )  # fmt: skip
            inputs = inputs.to(chat.device.name, dtype=chat.device.dtype)
            made = chat.model.generate(
                **inputs, max_new_tokens=words, min_new_tokens=words, do_sample=True, temperature=0.2
            )
            answers.append(chat.processor.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    return answers


def rate(work: Callable[[], Any], count: int, rounds: int) -> float:
    """Pictures per second, the median of the rounds after one that is not counted."""
    seconds = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if number:
            seconds.append(time.perf_counter() - start)
    return round(count / statistics.median(seconds), 3)


def judge_of(chat: Chat, batch: int | None, way: Plain | Sharing) -> VlmJudge:
    """The judge with a model that is loaded already."""
    made = VlmJudge(VlmJudging(long_side=None), MachineConfig(batch_size=batch))
    made.__dict__ |= {"_chat": chat, "_way": way}
    return made


def measure(chat: Chat, args: argparse.Namespace) -> dict[str, object]:
    paper, default = QuestionsConfig(preset="paper"), QuestionsConfig()
    shown = pictures(args.pictures, args.side)
    four = asked(shown, paper, blank=False)
    whole = asked(shown, default, blank=True)
    few = four[: args.published]
    texts = (*four[0].texts, *whole[0].texts)
    figures: dict[str, object] = {
        "published_per_s": rate(lambda: published(chat, few, args.words), len(few), args.rounds),
        "one_picture_at_a_time_per_s": rate(
            lambda: list(judge_of(chat, 1, Plain()).ask(four)), len(shown), args.rounds
        ),
        "batches_without_sharing_per_s": rate(
            lambda: list(judge_of(chat, args.batch, Plain()).ask(four)), len(shown), args.rounds
        ),
        "batches_per_s": rate(lambda: list(judge_of(chat, args.batch, Sharing()).ask(four)), len(shown), args.rounds),
        "with_all_controls_per_s": rate(
            lambda: list(judge_of(chat, args.batch, Sharing()).ask(whole)), len(shown), args.rounds
        ),
        "tokens_of_a_question": round(float(np.mean([len(chat.suffix(text)) for text in texts])), 1),
    }
    figures["times_the_published"] = round(figures["batches_per_s"] / figures["published_per_s"], 2)  # type: ignore[operator]
    figures["times_the_published_with_all_controls"] = round(
        figures["with_all_controls_per_s"] / figures["published_per_s"],  # type: ignore[operator]
        2,
    )
    return figures


def tiny_chat(name: str, device: Device) -> Chat:
    """A tiny model, saved and loaded as a real one is."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    with tempfile.TemporaryDirectory() as folder:
        build_tiny(name, folder)
        model = AutoModelForImageTextToText.from_pretrained(folder, dtype=device.dtype).eval().to(device.name)
        return Chat(model, AutoProcessor.from_pretrained(folder), device, name)


def main() -> None:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("tiny", "full"), default="full" if gpu else "tiny")
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--published", type=int, default=6, help="pictures that the published way gets")
    parser.add_argument("--side", type=int, default=1024 if gpu else 64)
    parser.add_argument("--batch", type=int, help="pictures in a batch; as many as fit by default")
    parser.add_argument("--words", type=int, default=2, help="tokens of a written answer")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    device = find_device(MachineConfig())
    names = args.models or (TINY if args.size == "tiny" else tuple(judge_models.FULL))
    texts = [
        text
        for preset in ("paper", "default")
        for n in range(4)
        for text in questions(QuestionsConfig(preset=preset), n)
    ]
    figures: dict[str, object] = {
        "size": args.size,
        "device": device.told,
        "dtype": device.dtype_name,
        "pictures": args.pictures,
        "side": args.side,
        "written_tokens": args.words,
        "full_size_millions": {name: judge_models.millions(name) for name in judge_models.FULL},
    }
    for name in names:
        if args.size == "tiny":
            chat = tiny_chat(name, device)
        else:
            model, processor = judge_models.build(name, texts, device.name, device.dtype)
            chat = Chat(model, processor, device, name)
        figures[name] = measure(chat, args)
        del chat
        if gpu:
            torch.cuda.empty_cache()
    save("judges" if args.size == "tiny" else "judges_gpu", figures)


if __name__ == "__main__":
    main()
