"""Texts with weights: data never becomes syntax, and plain names mean what the published syntax meant."""

import pytest
import torch
from compel import Compel, ReturnedEmbeddingsType
from diffusers import StableDiffusionXLPipeline

from varireal.config.edits import masked_recipe
from varireal.editors.diffusion.encoding import TextCache, Weighted, edit_text, plain_text, prior_text
from varireal.records import Prompt

NAMED = {"class_name": "Bombay", "noun": "pet", "weights": True}


def prompt(name, description="", attribute="background"):
    return Prompt("p", "c", attribute, "feasible", name, description)


def recipe(preset, attribute="background"):
    return masked_recipe(preset, "pets", attribute, "feasible", {})


def test_parts_and_weights():
    text = edit_text(recipe("matched"), prompt("lake shore", "Calm water."), **NAMED)
    assert text.parts == (
        ("a high quality photo that pet Bombay is harmonious on the", 1.0),
        ("lake shore", 1.2),
        (": Calm water.", 1.0),
    )
    assert text.pooled == "a high quality photo that pet Bombay is harmonious on the lake shore: Calm water."


def test_the_published_pooled_text_has_the_syntax_in_it():
    text = edit_text(recipe("paper"), prompt("lake", "Calm."), **NAMED)
    assert text.pooled == "a high quality photo that pet Bombay is harmonious on the (lake)1.2: Calm."
    scene = prior_text(recipe("paper"), recipe("paper").prior, prompt("lake"), **NAMED)
    assert scene.pooled == "A photo of pure background without Bombay on(lake)1.2"


def test_the_matched_scene_does_not_name_the_class():
    mine = recipe("matched")
    scene = prior_text(mine, mine.prior, prompt("lake", "Calm."), **NAMED)
    assert "Bombay" not in scene.plain
    assert "pet" not in scene.plain
    assert scene == prior_text(mine, mine.prior, prompt("lake", "Calm."), **NAMED | {"class_name": "Siamese"})


def test_without_weights_it_is_one_text():
    text = edit_text(recipe("matched"), prompt("lake"), **NAMED | {"weights": False})
    assert text == plain_text("a high quality photo that pet Bombay is harmonious on the lake")


@pytest.mark.parametrize("hostile", ["C++", "a--", '("a", "b").blend(1, 2)', "x(y)0.1", "{class}", "a.swap(b)", "]]"])
def test_names_are_data(hostile):
    text = edit_text(recipe("matched"), prompt("lake", hostile), class_name=hostile, noun="", weights=True)
    assert [weight for _, weight in text.parts] == [1.0, 1.2, 1.0]
    assert hostile in text.parts[0][0]
    assert text.parts[2] == (f": {hostile}", 1.0)


@pytest.fixture(scope="module")
def pipe(tiny_model):
    return StableDiffusionXLPipeline.from_pretrained(tiny_model("sdxl"))


def test_embeddings_are_those_of_the_published_syntax(pipe):
    syntax = "a photo of pet Bombay with (dark teal)1.3, color change."
    both = {"tokenizer": [pipe.tokenizer, pipe.tokenizer_2], "text_encoder": [pipe.text_encoder, pipe.text_encoder_2]}
    kind = ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED
    embeds, pooled = Compel(**both, returned_embeddings_type=kind, requires_pooled=[False, True])(syntax)
    parts = (("a photo of pet Bombay with", 1.0), ("dark teal", 1.3), (", color change.", 1.0))
    for text in (Weighted(parts, syntax), Weighted((("anything", 1.0),), syntax, parsed=True)):
        found = TextCache(lambda: pipe, truncate=True).guided(text, None)
        assert torch.equal(found.positive.embeds, embeds)
        assert torch.equal(found.positive.pooled, pooled)
        assert not found.negative.embeds.any()  # without a negative prompt SDXL is led away from zeros


def test_the_published_scene_has_no_weight(pipe):
    mine = recipe("paper")
    scene = prior_text(mine, mine.prior, prompt("lake", "Calm."), **NAMED)
    words = plain_text("A photo of pure background without Bombay on(lake)1.2: Calm.")
    cache = TextCache(lambda: pipe, truncate=True)
    assert torch.equal(cache.guided(scene, None).positive.embeds, cache.guided(words, None).positive.embeds)


@pytest.mark.parametrize("name", ['("a", "b").blend(1, 2)', '("a", "b").and()', "a.swap(b)"])
def test_a_published_text_is_never_a_blend(pipe, name):
    mine = recipe("paper")
    text = edit_text(mine, prompt("lake", name), **NAMED)
    alone = Weighted(text.parts, name, parsed=True)
    cache = TextCache(lambda: pipe, truncate=True)
    own = Weighted(text.parts, name)
    assert torch.equal(cache.guided(alone, None).positive.embeds, cache.guided(own, None).positive.embeds)


def test_without_weights_a_published_text_is_not_parsed():
    text = edit_text(recipe("paper"), prompt("lake", "C++"), **NAMED | {"weights": False})
    assert text == plain_text("a high quality photo that pet Bombay is harmonious on the lake: C++")
    wool = recipe("paper", "texture")
    swatch = prior_text(wool, wool.prior, prompt("wool", attribute="texture"), **NAMED | {"weights": False})
    assert swatch == plain_text(wool.prior.template.replace("{marked_name}", "wool"))


def test_an_unweighted_text_is_the_pipelines_own(pipe):
    words = "a red bird on a pier"
    embeds, _, pooled, _ = pipe.encode_prompt(words, do_classifier_free_guidance=False)
    found = TextCache(lambda: pipe, truncate=False).guided(plain_text(words), "ugly")
    assert torch.equal(found.positive.embeds, embeds)
    assert torch.equal(found.positive.pooled, pooled)
    assert torch.equal(found.negative.embeds, pipe.encode_prompt("ugly", do_classifier_free_guidance=False)[0])


def test_long_texts_are_read_whole_and_padded_alike(pipe):
    words = plain_text("many words and then some more of them " * 8)
    found = TextCache(lambda: pipe, truncate=False).guided(words, "ugly")
    assert found.length > 77
    assert found.negative.embeds.shape == found.positive.embeds.shape
    assert TextCache(lambda: pipe, truncate=True).guided(words, "ugly").length == 77


def test_encoders_are_loaded_once_for_all_texts(pipe):
    loads = []
    cache = TextCache(lambda: loads.append(1) or pipe, truncate=True)
    cache.prepare([plain_text(words) for words in ("a", "b", "a", "", "ugly")])
    cache.guided(plain_text("b"), "ugly")
    assert loads == [1]
    cache.guided(plain_text("c"), "ugly")
    assert loads == [1, 1]
