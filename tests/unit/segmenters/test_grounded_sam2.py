"""Grounding DINO and SAM 2 of real classes with tiny random weights: what they find is arbitrary, but the same."""

import shutil
import sys

import numpy as np
import pytest
import torch

from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.masks import GroundedSam2Masks
from varireal.errors import BackendError
from varireal.models.device import Device
from varireal.segmenters import grounded_models
from varireal.segmenters.grounded_models import Boxes, Outline, photos_at_once
from varireal.segmenters.grounded_sam2 import GroundedSam2Segmenter

SIZES = [(90, 120), (60, 200), (120, 90), (90, 121), (300, 100), (48, 48), (90, 120)]
NAMES = ["gull", "great black-backed gull", "St. Bernard? [SEP]", "two\nlines", "x" * 600, "é 鳥", "gull"]
LOW = {"box_threshold": 0.0, "text_threshold": 0.0, "several": "best"}


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (*size, 3), np.uint8) for size in SIZES]


@pytest.fixture
def make(tiny_model):
    def segmenter(batch=4, dtype="float32", **options):
        settings = GroundedSam2Masks(
            **{
                "detector": ModelRef(id=str(tiny_model("grounding_dino"))),
                "segmenter": ModelRef(id=str(tiny_model("sam2"))),
                **LOW,
                **options,
            }
        )
        machine = MachineConfig(device="cpu", dtype=dtype, batch_size=batch)
        return GroundedSam2Segmenter.from_config(settings, BackendContext(machine, "bird"))

    return segmenter


def ask(segmenter, images, names=NAMES):
    return segmenter.segment(images, [None] * len(images), names[: len(images)])


def iou(one, other):
    return (one & other).sum() / max(1, (one | other).sum())


def test_every_photo_gets_a_mask_of_its_size(make, images):
    results = ask(make(), images)
    assert [result.mask.shape for result in results] == SIZES
    assert all(result.status == "ok" and 0 < result.score < 1 and result.objects >= 1 for result in results)
    assert all(0 < result.mask.mean() < 1 for result in results)


def test_a_batch_of_four_gives_what_one_at_a_time_gives(make, images):
    """Photos of five padded sizes and texts of six lengths: a photo never sees its neighbours' padding."""
    one, four = make(1), make(4)
    for single, among in zip(
        one._models.detect(images, ["a bird"] * 7), four._models.detect(images, ["a bird"] * 7), strict=True
    ):
        np.testing.assert_allclose(single.corners, among.corners, atol=1e-3)
        np.testing.assert_allclose(single.scores, among.scores, atol=1e-5)
    for single, among in zip(ask(one, images), ask(four, images), strict=True):
        assert (single.status, single.objects) == (among.status, among.objects)
        assert single.score == pytest.approx(among.score, abs=1e-5)
        assert iou(single.mask, among.mask) > 0.999


def test_order_and_neighbours_change_nothing(make, images):
    segmenter = make(4)
    forward = ask(segmenter, images)
    backward = segmenter.segment(images[::-1], [None] * 7, NAMES[::-1])[::-1]
    for one, other in zip(forward, backward, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert iou(one.mask, other.mask) > 0.999


def test_the_text_decides(make, images):
    segmenter = make()
    gull, tern = segmenter._models.detect([images[0]] * 2, ["a bird gull", "a bird heron"])
    assert not np.allclose(gull.scores, tern.scores)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_finds_nearly_the_same(make, images, dtype):
    full, half = make(), make(dtype=dtype)
    for one, other in zip(ask(full, images), ask(half, images), strict=True):
        assert abs(one.score - other.score) < 0.02
    # of random weights several boxes are nearly the best, and the processor decides which; so both outline the same
    corners = [boxes.corners[:1] for boxes in full._models.detect(images, ["a bird"] * len(images))]
    outlines = (segmenter._models.outline(images, corners) for segmenter in (full, half))
    for one, other in zip(*outlines, strict=True):
        assert iou(one.mask, other.mask) > 0.9


def test_nothing_above_the_threshold_is_a_status(make, images):
    (result,) = ask(make(box_threshold=0.99), images[:1])
    assert (result.mask, result.status, result.score, result.objects) == (None, "mask_not_found", None, 0)
    assert result.reason == "Nothing like 'a bird gull' was found: no box scores above 0.99."


def test_a_box_without_a_word_above_the_threshold_is_not_taken(make, images):
    assert ask(make(text_threshold=0.99), images[:1])[0].status == "mask_not_found"


def test_no_photos_are_no_results(make):
    assert make().segment([], [], []) == []


def test_weights_are_loaded_once_and_when_they_are_needed(make, images, monkeypatch):
    loads = []
    real = grounded_models.Grounding
    monkeypatch.setattr(grounded_models, "Grounding", lambda *args: loads.append(1) or real(*args))
    segmenter = make()
    assert segmenter.revision.count("@") == 2
    assert loads == []
    assert segmenter.batch_size == 16
    ask(segmenter, images[:2])
    ask(segmenter, images[2:])
    assert loads == [1]


def test_weights_in_shards_and_variants_give_the_same_masks(make, images, tmp_path, tiny_model):
    from transformers import AutoModelForMaskGeneration, AutoModelForZeroShotObjectDetection

    places = {}
    for name, kind in (("grounding_dino", AutoModelForZeroShotObjectDetection), ("sam2", AutoModelForMaskGeneration)):
        places[name] = shutil.copytree(tiny_model(name), tmp_path / name)
        model = kind.from_pretrained(places[name])
        (places[name] / "model.safetensors").unlink()
        model.save_pretrained(places[name], max_shard_size="200KB")
        model.half().save_pretrained(places[name], variant="fp16")
        assert (places[name] / "model.safetensors.index.json").exists()
    plain = ask(make(), images[:2])
    for variant, closeness in ((None, 0.0), ("fp16", 0.02)):
        refs = [ModelRef(id=str(places[name]), variant=variant) for name in ("grounding_dino", "sam2")]
        found = ask(make(detector=refs[0], segmenter=refs[1]), images[:2])
        assert all(abs(one.score - other.score) <= closeness for one, other in zip(plain, found, strict=True))


def test_the_picture_model_is_taken_out_of_a_video_checkpoint(make, images, tiny_model):
    """The published checkpoints of SAM 2.1 are of the video model."""
    segmenter = make(segmenter=ModelRef(id=str(tiny_model("sam2_video"))))
    results = ask(segmenter, images[:2])
    assert type(segmenter._models._outliner._model).__name__ == "Sam2Model"
    assert [(result.status, result.mask.shape) for result in results] == [("ok", size) for size in SIZES[:2]]


@pytest.mark.parametrize("which", ["detector", "segmenter"])
def test_models_in_the_wrong_place_are_told_with_their_key(make, images, tiny_model, which):
    other = {"detector": "sam2", "segmenter": "grounding_dino"}[which]
    with pytest.raises(BackendError, match=rf"^masks\.grounded_sam2\.{which}: .* is a model of type"):
        ask(make(**{which: ModelRef(id=str(tiny_model(other)))}), images[:1])
    with pytest.raises(BackendError, match=rf"^masks\.grounded_sam2\.{which}\.id: "):
        _ = make(**{which: ModelRef(id="./nowhere")}).revision
    with pytest.raises(BackendError, match=rf"^masks\.grounded_sam2\.{which}\.id: there is no './nowhere'"):
        ask(make(**{which: ModelRef(id="./nowhere")}), images[:1])


def test_a_gpu_that_is_not_there_is_told(tiny_model, images, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    segmenter = GroundedSam2Segmenter(GroundedSam2Masks(), BackendContext(MachineConfig(device="cuda")))
    with pytest.raises(BackendError, match=r"machine\.device is 'cuda'"):
        ask(segmenter, images[:1])


def test_missing_libraries_are_told_with_the_command(make, images, monkeypatch):
    monkeypatch.setitem(sys.modules, "varireal.segmenters.grounded_models", None)
    with pytest.raises(BackendError, match=r"run: pip install 'varireal\[diffusion\]'"):
        ask(make(), images[:1])


def test_less_memory_means_smaller_batches_and_the_same_masks(make, images, monkeypatch):
    plain, segmenter = ask(make(4), images), make(4)
    model = segmenter._models._outliner._model
    real, sizes = model.forward, []

    def forward(*args, **kwargs):
        sizes.append(len(kwargs["pixel_values"]))
        if sizes[-1] > 1:
            raise torch.OutOfMemoryError("injected")
        return real(*args, **kwargs)

    monkeypatch.setattr(model, "forward", forward)
    found = ask(segmenter, images)
    assert (sizes, segmenter._models.batch) == ([4, 2, *[1] * 7], 1)
    assert all(iou(one.mask, other.mask) > 0.999 for one, other in zip(plain, found, strict=True))


def test_one_photo_that_is_too_much_raises(make, images, monkeypatch):
    segmenter = make(2)

    def forward(*args, **kwargs):
        raise torch.OutOfMemoryError("injected")

    monkeypatch.setattr(segmenter._models._detector._model, "forward", forward)
    with pytest.raises(torch.OutOfMemoryError):
        ask(segmenter, images[:1])


@pytest.mark.parametrize(("memory", "photos"), [(4.0, 1), (8.0, 2), (12.0, 5), (24.0, 13), (80.0, 16)])
def test_more_memory_takes_more_photos_at_once(memory, photos):
    assert photos_at_once(Device("cuda", torch.bfloat16, memory)) == photos


LEFT, RIGHT, BOTH = np.s_[10:40, 5:25], np.s_[10:40, 35:55], (60, 50)


class Scripted:
    """In place of the models: boxes that are given, and masks that fill them."""

    batch = 4

    def __init__(self, *rows, estimate=0.81):
        table = np.array(rows, float).reshape(-1, 5)
        self.boxes, self.estimate = Boxes(table[:, :4], table[:, 4]), estimate
        self.texts = []

    def detect(self, images, texts):
        self.texts += texts
        return [self.boxes for _ in images]

    def outline(self, images, boxes):
        return [Outline(self.fill(each, image), self.estimate) for each, image in zip(boxes, images, strict=True)]

    def fill(self, boxes, image):
        mask = np.zeros(image.shape[:2], bool)
        for left, top, right, bottom in boxes.astype(int):
            mask[top:bottom, left:right] = True
        return mask


def scripted(make, *rows, estimate=0.81, **options):
    segmenter = make(**{"several": "status", **options})
    segmenter._models = Scripted(*rows, estimate=estimate)
    (result,) = segmenter.segment([np.zeros((50, 60, 3), np.uint8)], [None], ["gull"])
    return result


def mask(*places):
    expected = np.zeros((50, 60), bool)
    for place in places:
        expected[place] = True
    return expected


def test_the_best_box_is_taken_and_not_the_first(make):
    result = scripted(make, (5, 10, 25, 40, 0.5), (35, 10, 55, 40, 0.64))
    assert (result.mask == mask(RIGHT)).all()
    assert (result.status, result.objects) == ("ok", 1)
    assert result.score == pytest.approx((0.64 * 0.81) ** 0.5)


TWO = [(5, 10, 25, 40, 0.6), (35, 10, 55, 40, 0.64)]


def test_several_objects_are_a_status_with_the_best_mask(make):
    result = scripted(make, *TWO)
    assert (result.status, result.objects) == ("mask_several_objects", 2)
    assert result.reason == "2 objects like 'a bird gull' were found (scores 0.64, 0.60), more than 1."
    assert (result.mask == mask(RIGHT)).all()


def test_several_objects_may_be_one_or_all(make):
    best, union = scripted(make, *TWO, several="best"), scripted(make, *TWO, several="union")
    assert (best.status, best.objects, union.status, union.objects) == ("ok", 2, "ok", 2)
    assert (best.mask == mask(RIGHT)).all()
    assert (union.mask == mask(LEFT, RIGHT)).all()
    assert union.score == pytest.approx((0.6 * 0.81) ** 0.5)


def test_as_many_objects_as_allowed_are_no_status(make):
    assert scripted(make, *TWO, max_objects=2).status == "ok"
    assert scripted(make, *TWO, margin=0.01).objects == 1


def test_boxes_outside_of_the_photo_are_not_found(make):
    assert scripted(make, (70, 10, 90, 20, 0.9)).status == "mask_not_found"


def test_the_mask_is_refined(make, monkeypatch):
    holed = mask(LEFT)
    holed[20:25, 10:15] = False
    monkeypatch.setattr(Scripted, "fill", lambda self, boxes, image: holed)
    assert (scripted(make, *TWO[:1], refine="fill").mask == mask(LEFT)).all()
    assert (scripted(make, *TWO[:1]).mask == holed).all()


def test_a_union_of_real_models_is_larger_than_its_best(make, images):
    best, union = ask(make(margin=0.3), images), ask(make(margin=0.3, several="union"), images)
    assert max(result.objects for result in union) > 1
    for one, all_ in zip(best, union, strict=True):
        assert iou(one.mask, one.mask & all_.mask) > 0.99
        assert all_.mask.sum() >= one.mask.sum()
