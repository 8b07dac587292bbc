import math
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip import OPENAI_DATASET_MEAN

from varireal.classifiers.clip import load_clip
from varireal.config.adapters import AdaptersConfig
from varireal.config.images import DemoImages
from varireal_demo.pretrain import command
from varireal_demo.pretrain.command import (
    CONTEXT,
    END,
    SIZE,
    START,
    VOCABULARY,
    PretrainSettings,
    architecture,
    augment,
    card,
    learn_tokenizer,
    pretrain,
    save_model,
    train_tokenizer,
    zero_shot,
)
from varireal_demo.pretrain.corpus import corpus_specs

torch.set_num_threads(1)
PACKAGED = Path(str(files("varireal") / "assets" / "clip"))
SPECS = corpus_specs(22, 400)


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(SPECS)


def encode(tokenizer, texts):
    return tokenizer(texts, return_tensors="pt", padding="max_length", truncation=True)["input_ids"]


def test_the_end_mark_has_the_highest_number(tokenizer):
    numbers = tokenizer.get_vocab()
    assert numbers[END] == max(numbers.values()) == len(tokenizer) - 1
    assert numbers[START] == numbers[END] - 1
    assert len(tokenizer) <= VOCABULARY
    tokens = encode(tokenizer, ["a bird", "bird " * 60])
    assert tokens.shape == (2, CONTEXT)
    assert tokens[:, 0].tolist() == [numbers[START]] * 2
    assert tokens[0].argmax() == tokens[0].tolist().index(numbers[END])
    assert tokens[1, -1] == numbers[END]


@pytest.mark.parametrize("text", ["żółw", "鸟 and ß", "zyx-9Q", "🐦!"])
def test_letters_that_were_never_seen_survive(tokenizer, text):
    numbers = encode(tokenizer, [text])[0]
    assert tokenizer.unk_token_id is None or tokenizer.unk_token_id == len(tokenizer) - 1
    back = tokenizer.decode(numbers, skip_special_tokens=True)
    assert back.replace(" ", "") == text.lower().replace(" ", "")


def test_words_that_were_learnt_are_one_token(tokenizer):
    assert len(tokenizer.tokenize("a photo of a bird")) == 5
    assert len(tokenizer.tokenize("qzxjv")) > 2


def test_a_tokenizer_depends_on_its_texts_alone(tokenizer):
    assert learn_tokenizer(SPECS).get_vocab() == tokenizer.get_vocab()
    assert train_tokenizer(["one", "two"], 600).get_vocab() != tokenizer.get_vocab()


def test_a_saved_model_is_read_back_with_its_tokenizer(tokenizer, tmp_path):
    torch.manual_seed(0)
    model = open_clip.CLIP(**architecture(len(tokenizer))).eval()
    save_model(model, tokenizer, tmp_path)
    clip = load_clip(AdaptersConfig(model=str(tmp_path)), "cpu")
    texts = ["a bird photo of a snowy egret", "żółw"]
    assert torch.equal(clip.tokens(texts), encode(tokenizer, texts))
    assert clip.size == SIZE
    assert clip.mean == pytest.approx(OPENAI_DATASET_MEAN)
    pictures = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        assert torch.allclose(clip.image_features(pictures), model.encode_image(pictures, normalize=True), atol=1e-6)


def test_pretraining_is_repeatable_and_learns(tokenizer):
    specs = SPECS[:32]
    pictures = np.random.default_rng(0).integers(0, 256, (32, SIZE, SIZE, 3), dtype=np.uint8)
    settings = PretrainSettings(epochs=2, batch_size=16, warmup_steps=1, seed=4)

    def trained():
        torch.manual_seed(7)
        model = open_clip.CLIP(**architecture(len(tokenizer)))
        start = {name: value.clone() for name, value in model.state_dict().items()}
        pretrain(model, lambda texts: encode(tokenizer, texts), pictures, specs, settings)
        return start, model.state_dict()

    (start, one), (_, two) = trained(), trained()
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert any(not torch.equal(value, start[name]) for name, value in one.items())
    assert all(torch.isfinite(value).all() for value in one.values())


class Towers:
    """A model whose features are given."""

    def __init__(self, images, words):
        self.images, self.words, self.logit_scale = images, words, torch.tensor(0.5)

    def encode_image(self, pictures, normalize):
        return self.images

    def encode_text(self, tokens, normalize):
        return self.words[tokens]


def test_the_loss_is_the_symmetric_cross_entropy():
    torch.manual_seed(0)
    images = torch.nn.functional.normalize(torch.randn(4, 8), dim=1)
    words = torch.nn.functional.normalize(torch.randn(4, 8), dim=1)
    names = ["a", "b", "c", "d"]
    logits = math.exp(0.5) * images @ words.T
    wanted = -(logits.log_softmax(1).diag().mean() + logits.T.log_softmax(1).diag().mean()) / 2

    def numbers(texts):
        return torch.tensor([names.index(text) for text in texts])

    found = command._loss(Towers(images, words), torch.zeros(4), names, numbers, "cpu")
    assert found.item() == pytest.approx(wanted.item(), abs=1e-6)


def test_augmented_pictures_are_normalised_and_keep_their_colour():
    flat = torch.full((6, 3, SIZE, SIZE), 128, dtype=torch.uint8)
    torch.manual_seed(0)
    found = augment(flat)
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    back = found * std + mean
    assert back.shape == flat.shape
    assert float(back.std((2, 3)).max()) < 1e-5
    assert float((back - 128 / 255).abs().max()) < 0.2
    assert float((back[:, 0] - back[:, 2]).abs().max()) < 1e-5


def test_the_packages_model_is_read():
    clip = load_clip(AdaptersConfig(), "cpu")
    assert clip.size == SIZE
    tokens = clip.tokens(["a bird photo of a mallard", "a bird photo of a flamingo"])
    with torch.no_grad():
        one, two = clip.text_features(tokens)
    assert float(one @ two) < 0.99


def test_the_card_says_what_was_measured():
    scores = {"test": 0.875, "test_background": 0.5, "test_plumage": 0.25}
    text = card(scores, 20_000, PretrainSettings(), 1_500_000)
    assert table(text) == {name: 100 * value for name, value in scores.items()}
    assert "{{" not in text
    assert f"{DemoImages().test} pictures each" in text


def table(text: str) -> dict[str, float]:
    """Scores of a card in per cent."""
    return {name: float(value) for name, value in re.findall(r"^\| (test\w*) \| ([\d.]+) % \|$", text, re.M)}


def test_the_packages_model_scores_what_its_card_says(tmp_path):
    readme = PACKAGED / "README.md"
    if not readme.exists():
        pytest.skip("the package's model has no card yet")
    claimed = table(readme.read_text("utf-8"))
    found = zero_shot(PACKAGED, tmp_path)
    assert set(found) == set(claimed)
    for name, value in found.items():
        assert 100 * value == pytest.approx(claimed[name], abs=0.1), name
