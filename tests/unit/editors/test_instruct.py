"""Editing by instruction with tiny models of the real classes."""

import inspect
import json
import shutil

import diffusers
import numpy as np
import pytest
import torch

from edit_photos import photo
from varireal.backends import BackendContext
from varireal.config.edits import InstructEdits
from varireal.config.machine import MachineConfig, ModelRef
from varireal.editors.base import composite
from varireal.editors.frame import Letterbox, may_change
from varireal.editors.instruct import FramedEdit, InstructEditor, TextBook
from varireal.editors.instruct_models import KINDS, LAYERS, MODELS, WHOLE, fitting, placement
from varireal.errors import BackendError
from varireal.models.device import Device
from varireal.records import EditRequest, Prompt

IMAGE, MASK = photo((0.6, 0.4, 0.2))
WIDE, WIDE_MASK = IMAGE[20:80], MASK[20:80]
# class: (tiny model, further settings)
SMALL = {
    "FluxKontextPipeline": ("flux_kontext", {"size": 64}),
    "FluxKontextInpaintPipeline": ("flux_kontext", {"size": 64, "inpaint": True}),
    "Flux2KleinPipeline": ("flux2_klein", {"size": 128}),
    "Flux2KleinInpaintPipeline": ("flux2_klein", {"size": 128, "inpaint": True}),
}
ATTRIBUTES = ("background", "color", "texture")


def editor(folder, *, batch_size=None, **settings):
    block = InstructEdits(**{"model": ModelRef(id=str(folder)), "steps": 2} | settings)
    machine = MachineConfig(device="cpu", batch_size=batch_size)
    return InstructEditor.from_config(block, BackendContext(machine=machine, noun="bird"))


def request(seed=1, attribute="background", name="coral reef", image=IMAGE, mask=MASK):
    prompt = Prompt("p", "mallard", attribute, "feasible", name, "")
    return EditRequest(image, mask, prompt, seed, "mallard")


def pictures(results):
    assert [result.status for result in results] == ["ok"] * len(results)
    return [result.image.astype(int) for result in results]


@pytest.fixture(params=SMALL)
def kind(request, tiny_model):
    """Class, folder and settings of a model that is quick on the CPU."""
    name, settings = SMALL[request.param]
    return request.param, tiny_model(name), settings


@pytest.fixture
def spoilt(tiny_model, tmp_path):
    return shutil.copytree(tiny_model("flux_kontext"), tmp_path / "kontext")


def test_every_attribute_is_edited_where_it_may(kind):
    _, folder, settings = kind
    for attribute, result in zip(
        ATTRIBUTES, editor(folder, **settings).edit([request(3, a) for a in ATTRIBUTES]), strict=True
    ):
        region = may_change(MASK, attribute)
        assert (result.status, result.image.shape, result.image.dtype) == ("ok", IMAGE.shape, np.uint8)
        assert (result.region == region).all()
        final = composite(IMAGE, result.image, result.region)
        assert (final[~region] == IMAGE[~region]).all()
        assert (final[region] != IMAGE[region]).any(-1).mean() > 0.8
        assert result.made_with.dtype == "float32"


def test_seeds_repeat_to_the_bit_and_prompts_and_seeds_matter(kind):
    _, folder, settings = kind
    one = editor(folder, **settings)
    first, again, seed, prompt = pictures(
        [one.edit([request(5)])[0], one.edit([request(5)])[0], *one.edit([request(6), request(5, name="desert")])]
    )
    assert (first == again).all()
    assert (first == pictures(editor(folder, **settings).edit([request(5)]))[0]).all()
    assert (first != seed).mean() > 0.5
    assert (first != prompt).any()


def test_batches_change_no_pixel_by_more_than_one_level(kind):
    name, folder, settings = kind
    wanted = [request(n, ATTRIBUTES[n % 3], f"place {n}") for n in range(4)]
    wanted += [request(9, image=WIDE, mask=WIDE_MASK), request(10, image=WIDE, mask=WIDE_MASK)]
    settings = settings | {"steps": 1, "strength": 1.0}  # one step is enough to mix up a batch
    alone, many = editor(folder, **settings), editor(folder, batch_size=4, **settings)
    single, together = alone.edit(wanted), many.edit(wanted)
    for one, other in zip(pictures(single), pictures(together), strict=True):
        assert np.abs(one - other).max() <= 1
    sizes = [result.made_with.batch_size for result in together]
    assert sizes == ([4, 4, 4, 4, 2, 2] if KINDS[name].together else [1] * 6)
    assert (alone.batch_size, many.batch_size) == (1, 16 if KINDS[name].together else 1)


def test_the_model_sees_the_instruction_the_photo_and_what_may_change(kind, monkeypatch):
    name, folder, settings = kind
    seen = {}
    pipeline = getattr(diffusers, name)
    call = pipeline.__call__

    def spy(self, **arguments):
        made = call(self, **arguments)
        seen.update(arguments, components=self.components, made=made.images[0])
        return made

    monkeypatch.setattr(pipeline, "__call__", spy)
    one = editor(folder, guidance=2.5, strength=0.5, steps=4, **settings)
    one.edit([request(7, "color", image=WIDE, mask=WIDE_MASK)])
    single = name == "Flux2KleinPipeline"
    shown = seen["image"] if single else seen["image"][0]
    assert shown.size == (seen["width"], seen["height"])
    assert seen["made"].shape == (seen["height"], seen["width"], 3)
    assert seen["width"] > seen["height"]
    assert np.abs(np.asarray(shown.resize(WIDE.shape[1::-1])).astype(int) - WIDE).mean() < 20
    assert (seen["num_inference_steps"], seen["guidance_scale"]) == (4, 2.5)
    if KINDS[name].masked:
        mask = np.asarray(seen["mask_image"][0]) > 0
        assert abs(mask.mean() - WIDE_MASK.mean()) < 0.1
        assert seen["strength"] == 0.5
    assert seen["components"]["text_encoder"] is None
    encoders = pipeline.from_pretrained(folder, transformer=None, vae=None)
    told = "Change the colour of the mallard bird to coral reef. Keep its shape, pose and the background."
    with torch.inference_mode():
        assert torch.equal(seen["prompt_embeds"], encoders.encode_prompt(prompt=told)[0])
        away = encoders.encode_prompt(prompt=one._settings.negative)[0]
    if "Klein" in name:
        assert torch.equal(seen["negative_prompt_embeds"], away)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_every_class_takes_the_arguments_that_it_is_given(kind, guidance):
    known = inspect.signature(getattr(diffusers, kind.name).__call__).parameters
    one = editor("none", guidance=guidance, size=1024)
    told = torch.zeros(1, 4)
    one.__dict__ |= {"_kind": kind, "_texts": type("Book", (), {"embeddings": lambda *_: [told] * len(kind.texts)})()}
    one.__dict__["_model"] = type("Model", (), {"pipe": type("Pipe", (), {"_execution_device": "cpu"})})
    frame = Letterbox.fitted(MASK.shape, (1024, 1024))
    arguments = one._arguments([FramedEdit(frame, frame.place(IMAGE), frame.place_region(MASK), "text", 1)])
    assert set(arguments) <= set(known)
    guided = any(key.startswith("negative") and value is not None for key, value in arguments.items())
    assert guided == (guidance > 1 and kind.negative != "")
    assert ("mask_image" in known) == kind.masked
    assert kind.inpaint in ("", *KINDS)


def test_qwen_image_edit_reads_photo_and_instruction_together(tiny_model):
    one = editor(tiny_model("qwen_image_edit"), batch_size=2, guidance=1.0, steps=1, size=1024)
    wanted = [request(1, "color", image=WIDE, mask=WIDE_MASK), request(2, "background", image=WIDE, mask=WIDE_MASK)]
    together = one.edit(wanted)
    first, second = pictures(together)
    assert [result.made_with.batch_size for result in together] == [2, 2]
    assert (first != second).any()
    (alone,) = pictures(one.edit(wanted[:1]))
    assert np.abs(alone - first).max() <= 1


def test_the_step_cache_of_qwen_image_edit_is_marked_and_never_shared(tiny_model):
    cached = editor(tiny_model("qwen_image_edit"), step_cache=True, batch_size=4, steps=3, guidance=1.0, size=1024)
    (result,) = cached.edit([request(1)])
    assert (result.status, result.made_with.marks) == ("ok", ("step_cache:first_block",))
    assert cached.batch_size == 1
    assert cached._model.pipe.transformer.is_cache_enabled


def renamed(folder, name):
    """The same folder under another class."""
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": name}))
    return folder


def test_the_klein_that_remembers_the_photo_needs_no_guidance(tiny_model, tmp_path):
    folder = renamed(shutil.copytree(tiny_model("flux2_klein"), tmp_path / "kv"), "Flux2KleinKVPipeline")
    results = editor(folder, size=128, steps=3).edit([request(1), request(2)])
    first, second = pictures(results)
    assert (first != second).any()


def refusal(folder, **settings):
    with pytest.raises(BackendError) as caught:
        editor(folder, **{"size": 128} | settings).prepare([(request().prompt, "mallard")])
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("edits.instruct.")
    return message


@pytest.mark.parametrize(
    ("model", "settings", "told"),
    [
        ("flux_kontext", {"step_cache": True}, "FluxKontextPipeline has no step cache; set it to false, or use Qwen"),
        ("flux2_klein", {"step_cache": True}, "Flux2KleinPipeline has no step cache"),
        ("flux2_klein", {"size": 1536}, "size: Flux2KleinPipeline edits from 128 to 1024, found 1536"),
        ("qwen_image_edit", {}, "size: QwenImageEditPipeline edits at 1024 only, found 128"),
        ("sdxl", {}, "StableDiffusionXLPipeline, which is not supported; expected one of FluxKontextPipeline, Flux"),
    ],
)
def test_what_a_model_cannot_do_is_told_before_the_first_edit(tiny_model, model, settings, told):
    assert told in refusal(tiny_model(model), **settings)


def test_a_pipeline_without_an_inpainting_variant_is_told(spoilt):
    told = refusal(renamed(spoilt, "QwenImageEditPlusPipeline"), inpaint=True)
    assert "inpaint: QwenImageEditPlusPipeline has no inpainting variant" in told


def test_models_that_cannot_be_loaded_are_told(spoilt, tmp_path):
    assert "there is no" in refusal(tmp_path / "gone")
    for part in ("text_encoder", "text_encoder_2"):
        (spoilt / part / "model.safetensors").rename(spoilt / part / "pytorch_model.bin")
    assert "cannot be loaded" in refusal(spoilt)
    (spoilt / "model_index.json").unlink()
    assert "it has no model_index.json" in refusal(spoilt)
    with pytest.raises(BackendError, match=r"^edits\.instruct\.model\.id: "):
        assert editor(tmp_path / "gone").revision


def test_a_variant_loads_and_a_missing_one_is_told(tiny_model, tmp_path):
    whole = diffusers.FluxKontextPipeline.from_pretrained(tiny_model("flux_kontext"))
    whole.save_pretrained(tmp_path / "bf16", variant="bf16")
    where = str(tmp_path / "bf16")
    (result,) = editor(None, model=ModelRef(id=where, variant="bf16"), size=64).edit([request()])
    assert result.status == "ok"
    assert "no weights of variant 'fp16'" in refusal(None, model=ModelRef(id=where, variant="fp16"))


def test_the_revision_follows_the_weights_and_not_the_place(spoilt, tiny_model, tmp_path):
    first = editor(spoilt).revision
    copy = shutil.copytree(spoilt, tmp_path / "elsewhere" / "kontext")
    assert editor(copy).revision == first
    weights = copy / "transformer" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-3] ^= 1
    weights.write_bytes(data)
    assert editor(copy).revision != first


def test_settings_of_another_attribute_or_machine_do_not_count(tiny_model):
    plain = editor("x")
    color, background = request(attribute="color").prompt, request().prompt
    other = editor("y", color="Paint it {name}.", batch_size=3)
    assert plain.params(background) == other.params(background)
    assert plain.params(color) != other.params(color)
    assert plain.params(background) != editor("x", steps=3).params(background)


def test_a_picture_that_overflows_is_a_failure_that_says_so(tiny_model):
    one = editor(tiny_model("flux_kontext"), size=64)
    with torch.no_grad():
        one._model.pipe.transformer.proj_out.weight.fill_(torch.nan)
    (result,) = one.edit([request()])
    assert (result.status, result.image) == ("edit_failed", None)
    assert "overflows in float32" in result.reason


def test_an_empty_mask_is_a_status(tiny_model):
    first, second = editor(tiny_model("flux_kontext"), size=64).edit([request(mask=np.zeros_like(MASK)), request()])
    assert (first.status, second.status) == ("no_mask", "ok")


def test_memory_that_runs_short_halves_the_batch_and_changes_no_picture(tiny_model, monkeypatch):
    wanted = [request(n) for n in range(4)]
    calm = editor(tiny_model("flux_kontext"), size=64).edit(wanted)
    one = editor(tiny_model("flux_kontext"), size=64, batch_size=4)
    call = diffusers.FluxKontextPipeline.__call__

    def tight(self, **arguments):
        if len(arguments["image"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return call(self, **arguments)

    monkeypatch.setattr(diffusers.FluxKontextPipeline, "__call__", tight)
    results = one.edit(wanted)
    assert all((a == b).all() for a, b in zip(pictures(calm), pictures(results), strict=True))
    assert {result.made_with.memory_step for result in results} == {"half_batch"}
    assert {result.made_with.batch_size for result in results} == {1}

    def never(self, **arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(diffusers.FluxKontextPipeline, "__call__", never)
    with pytest.raises(BackendError, match=r"^edits\.instruct\.model: one photo at 64 is too much"):
        one.edit(wanted)


def test_where_parts_lie_follows_the_memory():
    gib = 1 << 30
    kontext = {"transformer": 23 * gib, "vae": gib // 4}
    qwen = {"transformer": 39 * gib, "text_encoder": 16 * gib, "vae": gib // 4}
    assert [placement(kontext, gb) for gb in (80, 40, 24)] == [WHOLE, WHOLE, LAYERS]
    assert [placement(qwen, gb) for gb in (80, 48.5, 24, 8)] == [WHOLE, MODELS, LAYERS, LAYERS]
    assert placement(qwen, 0) == WHOLE
    assert [fitting(kontext, gb) for gb in (0, 24, 40, 80, 140)] == [1, 1, 2, 8, 8]
    taken = inspect.signature(diffusers.DiffusionPipeline.enable_group_offload).parameters
    assert {"onload_device", "offload_type", "use_stream"} <= set(taken)


class Encoders:
    """Stands for a pipeline's text encoders and counts its work."""

    def __init__(self, log):
        self.log = log

    def to(self, device):
        return self

    def encode_prompt(self, prompt, device):
        self.log.append(prompt)
        return torch.full((1, 2), float(prompt)), None


def test_texts_are_encoded_once_and_ahead_and_few_are_kept():
    loaded, log = [], []
    cpu = Device("cpu", torch.float32, 0.0)

    def load():
        loaded.append(1)
        return Encoders(log)

    book = TextBook(load, 1, cpu, always=["0"], ahead=4)
    book.expect([str(n) for n in range(1, 11)])
    assert (log, len(loaded)) == (["0", "1", "2", "3", "4"], 1)
    assert book.embeddings(["2", "0"])[0].tolist() == [[2.0, 2.0], [0.0, 0.0]]
    assert len(loaded) == 1
    assert book.embeddings(["4", "5"])[0].tolist() == [[4.0, 4.0], [5.0, 5.0]]
    assert (log[5:], len(loaded)) == (["5", "6", "7"], 2)  # 4 was known, and the next ones are read with it
    assert len(book._known) == 5
