"""``varireal pretrain``: make the small CLIP of the package afresh.

The package's copy was made by ``varireal pretrain --output src/varireal/assets/clip --work /tmp/pretrain``.
"""

import logging
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import open_clip
import torch

from varireal.classifiers.augment import Augmenter
from varireal.classifiers.clip import probabilities
from varireal.classifiers.loading import load_clip
from varireal.classifiers.texts import class_texts
from varireal.config.adapters import AdaptersConfig
from varireal.config.images import DemoImages
from varireal.datasets.demo import TEST_BACKGROUND, TEST_PLUMAGE
from varireal.datasets.demo_classes import DEMO_CLASSES
from varireal.datasets.rendered import render_photos
from varireal.files import write_whole
from varireal.logs import SUMMARY
from varireal.names import TEST
from varireal.pictures import decode_png
from varireal.pretraining.captions import NAMED, caption
from varireal.pretraining.corpus import PairSpec, corpus_specs
from varireal.pretraining.model import SIZE, architecture, save_model
from varireal.pretraining.pictures import draw_corpus
from varireal.pretraining.tokenizer import train_tokenizer
from varireal.pretraining.training import PretrainSettings, pretrain

logger = logging.getLogger(__name__)

_DEMO_SEED = 22


def run(*, output: Path, work: Path, pairs: int, epochs: int, seed: int, threads: int) -> int:
    """Render the corpus, train, save the model as a folder for open_clip, and write its card with its scores.

    Args:
        output: folder of the model.
        work: folder for the rendered pictures; what is in it is not drawn again.
        pairs: pictures to render.
        epochs: passes over them.
        seed: seed of everything.
        threads: cores to use.
    """
    specs = corpus_specs(seed, pairs)
    pictures = draw_corpus(specs, SIZE, work / "pictures", threads)
    torch.set_num_threads(threads)
    tokenizer = learn_tokenizer(specs)
    torch.manual_seed(seed)
    model = open_clip.CLIP(**architecture(len(tokenizer)))
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    settings = PretrainSettings(epochs=epochs, seed=seed)
    pretrain(model, _encoder(tokenizer), pictures, specs, settings)
    save_model(model, tokenizer, output)
    scores = zero_shot(output, work)
    write_whole(output / "README.md", card(scores, pairs, settings, sum(p.numel() for p in model.parameters())))
    for name, value in scores.items():
        logger.log(SUMMARY, "zero-shot on %s: %.1f %%", name, 100 * value)
    return 0


def learn_tokenizer(specs: Sequence[PairSpec]) -> Any:
    """The tokenizer of a corpus, learnt on captions that name every species."""
    rng = np.random.default_rng(0)
    return train_tokenizer([caption(spec, rng, 1.0) for spec in specs for _ in range(2)])


def _encoder(tokenizer: Any) -> Any:
    def encode(texts: list[str]) -> torch.Tensor:
        settings: dict[str, Any] = {"padding": "max_length", "truncation": True}
        numbers: torch.Tensor = tokenizer(texts, return_tensors="pt", **settings)["input_ids"]
        return numbers

    return encode


def zero_shot(model: Path, work: Path | None = None) -> dict[str, float]:
    """Accuracy on the test sets of the demo as its config renders them, without any fine-tuning.

    Args:
        model: folder of the model.
        work: folder for the rendered pictures; None draws them into a temporary one.
    """
    if work is None:
        with tempfile.TemporaryDirectory() as place:
            return zero_shot(model, Path(place))
    items = render_photos(DemoImages(train=1, val=1), seed=_DEMO_SEED, folder=work / "demo", workers=1)
    config = AdaptersConfig(model=str(model))
    clip = load_clip(config, "cpu")
    names = dict(DEMO_CLASSES)
    labels = {name: number for number, (_, name) in enumerate(sorted(names.items()))}
    texts = class_texts(config.class_prompt, "bird", names)
    augmenter = Augmenter("none", clip.size, clip.mean, clip.std)
    scores = {}
    for test_set in (TEST, TEST_BACKGROUND, TEST_PLUMAGE):
        chosen = [item for item in items if item.split == test_set]
        ready = augmenter.preprocess([decode_png(item.path.read_bytes()) for item in chosen])
        found = probabilities(clip, list(ready), texts).argmax(1)
        scores[test_set] = float(np.mean(found == [labels[item.class_name] for item in chosen]))
    return scores


def card(scores: dict[str, float], pairs: int, settings: PretrainSettings, parameters: int) -> str:
    """The model card."""
    template = (files("varireal") / "assets" / "modelcard.md.j2").read_text("utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  (Markdown of our own numbers)
    return environment.from_string(template).render(
        scores=scores,
        pictures=DemoImages().test,
        pairs=pairs,
        settings=settings,
        parameters=parameters,
        size=SIZE,
        named=NAMED,
    )
