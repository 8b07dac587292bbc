"""The editor on tiny models: batches, seeds, both arms, modes, priors, memory, and models that cannot be used."""

import json

import numpy as np
import pytest
import torch

from unit.editors.diffusion.sdxl_kit import FEW_STEPS, make_editor, request, tiny_models
from varireal.config.edits import SdxlEdits, Speed
from varireal.config.machine import ModelRef
from varireal.editors.diffusion.wording import SdxlTexts
from varireal.errors import BackendError, UnknownPromptError
from varireal.records import Prompt

ATTRIBUTES = ("background", "color", "texture")
SEEDS = (3, 4, 5, 6)


@pytest.fixture(scope="module")
def models(tiny_model):
    return tiny_models(tiny_model)


def quick_editor(models, **settings):
    return make_editor(models, recipes=FEW_STEPS, **settings)


def largest_difference(a, b):
    return int(np.abs(a.image.astype(int) - b.image.astype(int)).max())


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_batch_gives_what_single_edits_give(models, attribute):
    wanted = [request(attribute, seed=seed) for seed in SEEDS]
    # errors add up over all steps of one recipe with every stage but the prior
    editor = make_editor if attribute == "color" else quick_editor
    single = editor(models).edit(wanted)
    together = editor(models, batch=4).edit(wanted)
    # float32 sums round differently in a batch: a pixel may move by one level of 255, none by more
    assert [result.made_with.batch_size for result in together] == [4] * 4
    assert max(largest_difference(a, b) for a, b in zip(single, together, strict=True)) <= 1
    assert len({result.image.tobytes() for result in together}) == 4


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_same_request_gives_the_same_bytes(models, attribute):
    first, second = (quick_editor(models).edit([request(attribute)])[0] for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()


def test_mixed_requests_come_back_in_order(models):
    wanted = [
        request("color", seed=1),
        request("background", seed=2),
        request("color", seed=3, shape=(64, 40)),
        request("texture", seed=4, feasibility="infeasible"),
        request("color", seed=5),
    ]
    together, alone = quick_editor(models, batch=4).edit(wanted), quick_editor(models)
    for one, result in zip(wanted, together, strict=True):
        assert result.image.shape == one.image.shape
        assert largest_difference(alone.edit([one])[0], result) <= 1


def test_what_may_change(models):
    editor = quick_editor(models)
    inside = editor.edit([request("color")])[0].region
    outside = editor.edit([request("background")])[0].region
    assert (inside == request("color").mask).all()
    assert (outside == ~inside).all()


def test_both_arms_are_matched(models):
    editor = make_editor(models)
    arms = [Prompt("p", "c", "texture", arm, "knitted wool") for arm in ("feasible", "infeasible")]
    assert editor.params(arms[0]) == editor.params(arms[1])
    paper = make_editor(models, preset="paper")
    assert paper.params(arms[0]) != paper.params(arms[1])


def test_params_are_those_of_the_attribute(models):
    own = make_editor(models, recipes={"color": {"alpha": 0.9}})
    color, scene = (Prompt("p", "c", attribute, "feasible", "red") for attribute in ("color", "background"))
    assert own.params(scene) == make_editor(models).params(scene)
    assert own.params(color) != make_editor(models).params(color)
    assert json.loads(json.loads(own.params(color))[0])[1]["alpha"] == 0.9


def test_a_color_without_rgb_is_refused(models):
    editor = make_editor(models)
    unknown = request("color", name="colour of hope")
    assert editor.edit([unknown])[0].status == "unknown_prompt"
    with pytest.raises(UnknownPromptError):
        editor.check(unknown.prompt)
    known = request("color", name="colour of hope", rgb="#12ab34")
    assert editor.edit([known])[0].target_rgb == (0x12 / 255, 0xAB / 255, 0x34 / 255)


@pytest.mark.parametrize("mode", ["text2image", "image2image"])
def test_modes_without_a_mask(models, mode):
    wanted = [request("background", seed=seed, shape=(48, 64)) for seed in (1, 2)]
    editor = make_editor(models, mode=mode, batch=2, speed=Speed(steps=4))
    results = editor.edit(wanted)
    assert all(result.region.all() and result.image.shape == (48, 64, 3) for result in results)
    assert results[0].image.tobytes() != results[1].image.tobytes()
    editor.check(Prompt("p", "c", "color", "feasible", "colour of hope"))  # only a flat colour needs an RGB


def test_text2image_does_not_look_at_the_photo_and_image2image_does(models):
    for mode, same in (("text2image", True), ("image2image", False)):
        wanted = request("background", shape=(64, 64))
        other = request("background", shape=(64, 64))
        other.image[:] = 0
        editor = make_editor(models, mode=mode, speed=Speed(steps=4))
        first, second = editor.edit([wanted])[0], editor.edit([other])[0]
        assert (first.image.tobytes() == second.image.tobytes()) is same


def test_the_pool_depends_on_the_prompt_alone(models):
    editor = quick_editor(models, pool_size=3)
    scene = request("background").prompt
    pool = editor.pool(scene, "Bombay", 22)
    assert [entry.number for entry in pool] == [0, 1, 2]
    assert len({entry.prior_id for entry in pool}) == 3
    assert pool == editor.pool(scene, "Siamese", 22)
    assert {e.prior_id for e in pool}.isdisjoint(e.prior_id for e in editor.pool(scene, "Bombay", 23))
    assert editor.pool(request("color").prompt, "Bombay", 22) == []
    assert make_editor(models, preset="paper").pool(scene, "Bombay", 22) == []
    pictures = editor.make_priors(pool)
    again = quick_editor(models, pool_size=3, batch=3).make_priors(pool)
    assert len({picture.tobytes() for picture in pictures}) == 3
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(pictures, again, strict=True)) <= 1


def test_the_prior_is_used(models):
    plain = request("background")
    editor = quick_editor(models)
    black = editor.edit([request("background")])[0]
    object.__setattr__(plain, "prior", np.zeros((64, 64, 3), np.uint8))
    assert editor.edit([plain])[0].image.tobytes() != black.image.tobytes()


@pytest.mark.parametrize("scheduler", ["lcm", "tcd", "euler_trailing", "dpm", "unipc"])
def test_few_steps_are_marked(models, scheduler):
    speed = Speed(scheduler=scheduler, steps=2, guidance=1.0)
    result = make_editor(models, speed=speed).edit([request("texture")])[0]
    assert result.made_with.marks == (f"few_step:{scheduler}", "steps:2", "guidance:1")
    assert result.image.std() > 0


def test_steps_are_those_that_are_really_made(models, monkeypatch):
    calls = []
    editor = make_editor(models, speed=Speed(steps=2))
    unet = editor._pipes.inpaint.unet
    forward = unet.forward
    monkeypatch.setattr(unet, "forward", lambda *a, **k: calls.append(1) or forward(*a, **k))
    editor.edit([request("color")])
    assert len(calls) == 2


def test_a_step_cache_is_refused(models):
    with pytest.raises(BackendError, match=r"step_cache: SDXL has no step cache"):
        make_editor(models, speed=Speed(step_cache=True))


class Shortage:
    """Runs out of memory when a call has more pictures than fit."""

    def __init__(self, unet, fits):
        self.forward, self.fits, self.sizes = unet.forward, fits, []
        unet.forward = self

    def __call__(self, sample, *args, **kwargs):
        self.sizes.append(len(sample) // 2)  # guidance doubles it
        if len(sample) // 2 > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.forward(sample, *args, **kwargs)


def test_a_shortage_halves_the_batch_and_moves_no_seed(models):
    wanted = [request("color", seed=seed) for seed in SEEDS]
    calm = quick_editor(models, batch=4).edit(wanted)
    editor = quick_editor(models, batch=4)
    shortage = Shortage(editor._pipes.control.unet, fits=1)
    results = editor.edit(wanted)
    assert shortage.sizes[0] == 4
    assert {result.made_with.memory_step for result in results} == {"half_batch"}
    assert {result.made_with.batch_size for result in results} == {1}
    assert max(largest_difference(a, b) for a, b in zip(calm, results, strict=True)) <= 1
    shortage.sizes.clear()
    editor.edit(wanted[:2])
    assert set(shortage.sizes) == {1}  # what was learnt stays


def test_a_shortage_with_one_picture_tiles_and_then_gives_up(models):
    editor = make_editor(models)
    Shortage(editor._pipes.inpaint.unet, fits=0)
    with pytest.raises(torch.OutOfMemoryError):
        editor.edit([request("color")])
    assert editor._pipes.inpaint.vae.use_tiling


def test_text_encoders_are_not_kept(models):
    editor = quick_editor(models)
    editor.prepare([(request("color").prompt, "Bombay"), (request("texture").prompt, "Bombay")])
    editor.edit([request("color")])
    assert editor._pipes.inpaint.text_encoder is None
    assert editor._pipes.control.text_encoder_2 is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inpaint": ModelRef(id="/no/such/folder")}, ["edits.sdxl.models.inpaint.id", "/no/such/folder"]),
        (
            {"inpaint": ModelRef(id="org/not-cached")},
            ["edits.sdxl.models.inpaint", "org/not-cached", "varireal fetch"],
        ),
        ({"base": "controlnet"}, ["edits.sdxl.models.base", "model_index.json"]),
        ({"controlnet": "sdxl"}, ["edits.sdxl.models.controlnet", "cannot be loaded"]),
        ({"inpaint": "variant"}, ["edits.sdxl.models.inpaint.variant", "'fp16'", "null"]),
        ({"ip_adapter": "no file"}, ["edits.sdxl.models.ip_adapter.file", "nothing.safetensors"]),
        ({"ip_adapter": "pickle"}, ["edits.sdxl.models.ip_adapter.file", ".safetensors", "ip-adapter.bin"]),
        ({"speed": "lora"}, ["edits.sdxl.speed.lora"]),
    ],
)
def test_models_that_cannot_be_used(tiny_model, changes, words):
    adapter = {"id": str(tiny_model("ip_adapter")), "subfolder": "sdxl_models"}
    known = {
        "controlnet": ModelRef(id=str(tiny_model("controlnet"))),
        "sdxl": ModelRef(id=str(tiny_model("sdxl"))),
        "variant": ModelRef(id=str(tiny_model("sdxl_inpaint")), variant="fp16"),
        "no file": ModelRef(**adapter, file="nothing.safetensors"),
        "pickle": ModelRef(**adapter, file="ip-adapter.bin"),
        "lora": ModelRef(id=str(tiny_model("controlnet")), file="nothing.safetensors"),
    }
    changes = {key: known.get(value, value) if isinstance(value, str) else value for key, value in changes.items()}
    speed = Speed(lora=changes.pop("speed")) if "speed" in changes else Speed()
    with pytest.raises(BackendError) as caught:
        make_editor(tiny_models(tiny_model, **changes), speed=speed).edit([request("color")])
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_an_attribute_loads_the_models_that_its_region_and_needs_ask_for():
    texts = SdxlTexts(SdxlEdits(), "bird")
    on_object = {"inpaint", "base", "controlnet", "ip_adapter", "vae"}
    assert set(texts.used_models("background")) == {"inpaint", "prior", "vae"}
    assert set(texts.used_models("color")) == on_object
    assert set(texts.used_models("texture")) == on_object | {"prior"}
