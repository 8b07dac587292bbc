"""Which models a config needs: those of its chosen backends, and of these what is used."""

import pytest

from varireal.config.model import parse_config
from varireal.models.catalog import chosen_backends, hosted_models, needed_models
from varireal.models.lock import known

NO_TRAINING = {"adapters": {"regimes": []}}
SDXL = "edits.sdxl.models."


def keys(raw):
    return [need.key for need in needed_models(parse_config(NO_TRAINING | raw))]


def sdxl_models(**edits):
    return {key.removeprefix(SDXL) for key in keys({"edits": {"backend": "sdxl", **edits}})}


def test_the_demo_needs_none():
    config = parse_config({})
    assert needed_models(config) == []
    assert hosted_models(config) == []


def test_masks_with_their_fallbacks():
    raw = {"masks": {"backend": "grounded_sam2", "fallback": ["matting", "grabcut"]}}
    assert keys(raw) == ["masks.grounded_sam2.detector", "masks.grounded_sam2.segmenter", "masks.matting.model"]


@pytest.mark.parametrize(
    ("edits", "models"),
    [
        ({}, {"inpaint", "base", "controlnet", "ip_adapter", "vae", "prior"}),
        ({"attributes": ["background"]}, {"inpaint", "vae", "prior"}),
        ({"attributes": ["color"]}, {"inpaint", "base", "controlnet", "ip_adapter", "vae"}),
        ({"attributes": ["texture"]}, {"inpaint", "base", "controlnet", "ip_adapter", "vae", "prior"}),
        ({"sdxl": {"mode": "text2image"}}, {"plain", "vae"}),
        ({"sdxl": {"mode": "image2image", "models": {"vae": None}}}, {"plain"}),
    ],
)
def test_the_recipes_need_what_their_attributes_use(edits, models):
    assert sdxl_models(**edits) == models


def test_optional_models_are_found_anywhere_in_the_block():
    raw = {"speed": {"lora": {"id": "latent-consistency/lcm-lora-sdxl"}}, "models": {"safety_checker": {"id": "a/b"}}}
    found = keys({"edits": {"backend": "sdxl", "attributes": ["color"], "sdxl": raw}})
    assert {"edits.sdxl.speed.lora", f"{SDXL}safety_checker"} <= set(found)


def test_a_segmenter_that_looks_at_edits_too_is_named_once():
    raw = {"masks": {"backend": "grounded_sam2"}, "verdicts": {"silhouette": {"segmenter": "grounded_sam2"}}}
    needs = needed_models(parse_config(NO_TRAINING | raw))
    assert [need.stages for need in needs] == [("masks", "verdicts")] * 2
    alone = needed_models(parse_config(NO_TRAINING | {"verdicts": raw["verdicts"]}))
    assert (alone[0].key, alone[0].stages) == ("masks.grounded_sam2.detector", ("verdicts",))


def test_judges_editors_and_classifiers():
    assert keys({"verdicts": {"judge": "vlm"}}) == ["verdicts.vlm.model"]
    assert keys({"edits": {"backend": "instruct"}}) == ["edits.instruct.model"]
    trained = parse_config({"adapters": {"model": "timm/some-clip", "revision": "abc"}})
    (need,) = needed_models(trained)
    assert (need.key, need.ref.id, need.ref.revision, need.local) == ("adapters.model", "timm/some-clip", "abc", False)
    assert needed_models(parse_config(NO_TRAINING | {"adapters": {"model": "timm/x", "regimes": []}})) == []


def test_hosted_models_are_asked_and_not_loaded():
    raw = {
        "edits": {"backend": "openai_images"},
        "verdicts": {"judge": "openai"},
        "prompts": {"source": "openai"},
    }
    config = parse_config(NO_TRAINING | raw)
    assert needed_models(config) == []
    assert [asked.key for asked in hosted_models(config)] == [
        "prompts.openai",
        "edits.openai_images",
        "verdicts.openai",
    ]
    assert chosen_backends(config) == [
        ("segmenters", "provided"),
        ("editors", "openai_images"),
        ("judges", "openai"),
    ]


def test_every_default_model_is_known():
    raw = {"masks": {"backend": "grounded_sam2", "fallback": ["matting"]}, "verdicts": {"judge": "vlm"}}
    needs = [*needed_models(parse_config(NO_TRAINING | raw | {"edits": {"backend": "sdxl"}}))]
    needs += needed_models(parse_config(NO_TRAINING | {"edits": {"backend": "instruct"}}))
    for need in needs:
        assert known(need.ref.id).licence, need.ref.id
        assert known(need.ref.id).gb, need.ref.id
    assert known("nobody/knows").licence is None
