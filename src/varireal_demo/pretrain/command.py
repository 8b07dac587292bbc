"""``varireal pretrain``: make the small CLIP of the package afresh.

The package's copy was made by ``varireal pretrain --output src/varireal/assets/clip --work /tmp/pretrain``.
"""

import json
import logging
import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import open_clip
import torch
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional
from transformers import CLIPTokenizer

from varireal.classifiers.augment import Augmenter
from varireal.classifiers.clip import class_texts, load_clip, probabilities
from varireal.config.adapters import AdaptersConfig
from varireal.config.images import DEMO_CLASSES, DemoImages
from varireal.core.files import write_whole
from varireal.core.pictures import decode_png
from varireal.names import TEST
from varireal.records import Array, class_names
from varireal.running.logs import SUMMARY
from varireal_demo import TEST_BACKGROUND, TEST_PLUMAGE
from varireal_demo.birds_source import render_photos
from varireal_demo.pretrain.corpus import NAMED, PairSpec, caption, corpus_specs, draw_corpus

# The tokenizer of the small CLIP: byte-level BPE as CLIP's, learnt on the words that its captions can hold.

START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY = 2048
CONTEXT = 24

# CLIP's own splitting of a text into words (Radford et al. 2021): contractions, letters, single digits, the rest.
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def train_tokenizer(texts: Iterable[str], size: int = VOCABULARY) -> CLIPTokenizer:
    """Learn a vocabulary; every other text can still be written, byte by byte.

    Args:
        texts: what to learn from, in a fixed order.
        size: number of tokens in all.
    """
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # The bytes at a word's end are given too: the trainer would number them in a random order and break ties by it.
    ends = [f"{byte}</w>" for byte in alphabet]
    trainer: Any = trainers.BpeTrainer(
        vocab_size=size - 2,  # the two marks are added to what is learnt
        initial_alphabet=alphabet,
        special_tokens=ends,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    return CLIPTokenizer(**_clip_vocabulary(learner, alphabet, size), model_max_length=CONTEXT, pad_token=END)


def _clip_vocabulary(learner: Tokenizer, alphabet: Sequence[str], size: int) -> dict[str, Any]:
    """Vocabulary and merges in CLIP's order: bytes, bytes at a word's end, merged pairs, and the marks last.

    The end mark must have the highest number: CLIP pools the text where the largest token stands.
    """
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet)]
    known = set(tokens)
    joined: list[tuple[str, str]] = []
    for one, two in merges:
        merged = one + two
        if len(tokens) + 2 >= size:
            break
        if one in known and two in known:
            joined.append((one, two))
            if merged not in known:
                tokens.append(merged)
                known.add(merged)
    vocabulary = {token: number for number, token in enumerate([*tokens, START, END])}
    return {"vocab": vocabulary, "merges": joined}


# The small CLIP as an open_clip model: its size, and how it is saved.

SIZE = 64


def architecture(vocabulary: int) -> dict[str, Any]:
    """open_clip's model config: a ViT of 4 layers at 64 pixels and a text transformer of 2 layers."""
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": SIZE, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": vocabulary, "width": 128, "heads": 4, "layers": 2},
    }


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a folder that ``open_clip.create_model('local-dir:...')`` reads, tokenizer included."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    config = architecture(len(tokenizer))
    config["text_cfg"]["hf_tokenizer_name"] = "local"  # any name: open_clip then reads the folder
    settings = {"model_cfg": config, "preprocess_cfg": {"mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD}}
    (folder / "open_clip_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    weights = {name: value.detach().float().contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")


# Contrastive pre-training of the small CLIP (Radford et al. 2021), on the CPU or a GPU.

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """How the pre-training is done.

    Attributes:
        epochs: passes over the corpus.
        batch_size: pairs in a step.
        learning_rate: peak of the cosine schedule.
        warmup_steps: steps of linear warm-up.
        weight_decay: of the matrices; vectors have none.
        seed: seed of weights, order, captions and augmentation.
    """

    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 1e-3
    warmup_steps: int = 150
    weight_decay: float = 0.1
    seed: int = 22


def pretrain(
    model: Any, tokenizer: Any, pictures: Array, specs: Sequence[PairSpec], settings: PretrainSettings
) -> None:
    """Train a freshly built open_clip model in place; the last step's weights are the result, nothing is chosen.

    Args:
        model: ``open_clip.CLIP``.
        tokenizer: turns a list of texts into (N, context) token numbers.
        pictures: (N, S, S, 3) uint8.
        specs: what each picture shows; every epoch draws new captions from them.
        settings: how.
    """
    torch.manual_seed(settings.seed)
    device = next(model.parameters()).device
    data = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    optimizer = _optimizer(model, settings)
    per_epoch = len(data) // settings.batch_size
    total, step = settings.epochs * per_epoch, 0
    rng = np.random.default_rng([settings.seed, 1])
    for epoch in range(settings.epochs):
        losses = []
        for chosen in torch.randperm(len(data))[: per_epoch * settings.batch_size].split(settings.batch_size):  # type: ignore[no-untyped-call]
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step, total, settings.warmup_steps)
            texts = [caption(specs[number], rng) for number in chosen.tolist()]
            loss = _loss(model, augment(data[chosen]).to(device), texts, tokenizer, device)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(100))
            losses.append(loss.item())
            step += 1
        logger.info("epoch %d of %d: loss %.3f", epoch + 1, settings.epochs, float(np.mean(losses)))


def _optimizer(model: Any, settings: PretrainSettings) -> torch.optim.Optimizer:
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def _schedule(step: int, total: int, warmup: int) -> float:
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / total))


def _loss(model: Any, pictures: torch.Tensor, texts: Sequence[str], tokenizer: Any, device: Any) -> torch.Tensor:
    """Symmetric cross entropy; a caption that several pictures of the batch share is right for all of them.

    Equal captions are encoded once: short captions repeat, and the text tower then costs less.
    """
    different = list(dict.fromkeys(texts))
    numbers = {text: number for number, text in enumerate(different)}
    which = torch.tensor([numbers[text] for text in texts], device=device)
    images = model.encode_image(pictures, normalize=True)
    words = model.encode_text(tokenizer(different).to(device), normalize=True)
    logits = model.logit_scale.exp() * images @ words.T
    to_text = functional.cross_entropy(logits + _repeats(which, len(different)), which)
    owners = functional.one_hot(which, len(different)).T.float()
    owners = owners / owners.sum(1, keepdim=True)
    to_image = -(owners * logits.T.log_softmax(1)).sum(1)
    # each picture counts once, however many share its caption
    loss: torch.Tensor = (to_text + to_image[which].mean()) / 2
    return loss


def _repeats(which: torch.Tensor, count: int) -> torch.Tensor:
    """Log of how often each caption is in the batch: the softmax counts it once for each of its pictures."""
    return torch.bincount(which, minlength=count).float().log()


def augment(pictures: torch.Tensor) -> torch.Tensor:
    """Mirror, shift, scale and brighten a batch at random: (N, 3, S, S) uint8 to normalised float32.

    Colours stay what the captions say they are.
    """
    count = len(pictures)
    batch = pictures.float() / 255
    mirrored = torch.rand(count) < 0.5
    batch[mirrored] = batch[mirrored].flip(-1)
    scale = torch.empty(count).uniform_(0.8, 1.15)
    place = torch.zeros(count, 2, 3)
    place[:, 0, 0], place[:, 1, 1] = scale, scale
    place[:, :, 2] = torch.empty(count, 2).uniform_(-0.15, 0.15)
    grid = functional.affine_grid(place, list(batch.shape), align_corners=False)
    batch = functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    gain = torch.empty(count, 1, 1, 1).uniform_(0.8, 1.2)
    offset = torch.empty(count, 1, 1, 1).uniform_(-0.08, 0.08)
    mean, std = torch.tensor(OPENAI_DATASET_MEAN).view(1, 3, 1, 1), torch.tensor(OPENAI_DATASET_STD).view(1, 3, 1, 1)
    return ((batch * gain + offset).clamp(0, 1) - mean) / std


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
    texts = class_texts(config.class_prompt, "bird", class_names(names))
    augmenter = Augmenter("none", clip.size, clip.mean, clip.std)
    scores = {}
    for test_set in (TEST, TEST_BACKGROUND, TEST_PLUMAGE):
        chosen = [item for item in items if item.split == test_set]
        ready = augmenter.preprocess([decode_png(item.path.read_bytes()) for item in chosen])
        answers = probabilities(clip, list(ready), texts).argmax(1)
        scores[test_set] = float(np.mean(answers == [labels[item.class_name] for item in chosen]))
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
