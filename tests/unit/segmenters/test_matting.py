"""Background removal by real ONNX files: one that sees what is red, and random networks."""

import sys

import numpy as np
import pytest

from tiny import onnx_files
from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.masks import MattingMasks
from varireal.core.registry import load_backend
from varireal.errors import BackendError
from varireal.segmenters.matting import MattingSegmenter

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "size": 64}
OBJECT = np.zeros((60, 90), bool)
OBJECT[20:45, 30:60] = True


def picture(mask=OBJECT):
    return np.where(mask[..., None], (230, 30, 30), (40, 120, 60)).astype(np.uint8)


def segmenter(path, *, machine=None, file=None, **options):
    settings = MattingMasks(model=ModelRef(id=str(path), file=file), **{**PLAIN, **options})
    return MattingSegmenter.from_config(settings, BackendContext(machine or MachineConfig(device="cpu")))


def ask(made, *images):
    return made.segment(images, [None] * len(images), ["gull"] * len(images))


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def refusal(made):
    with pytest.raises(BackendError) as caught:
        ask(made, picture())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def red(tmp_path):
    return onnx_files.red(tmp_path / "red.onnx")


def test_the_object_is_found_in_the_size_of_the_photo(red):
    (result,) = ask(segmenter(red), picture())
    assert (result.status, result.mask.dtype, result.mask.shape, result.objects) == ("ok", bool, (60, 90), None)
    assert iou(result.mask, OBJECT) > 0.9
    assert result.score > 0.9


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 64, 64), ("n", 3, 48, 96), ("n", 3, "h", "w")])
def test_files_of_fixed_and_open_sizes_run(tmp_path, shape):
    fixed = shape[2:] == (64, 64)
    made = segmenter(onnx_files.red(tmp_path / "m.onnx", shape=shape), size=64 if fixed or shape[3] == "w" else None)
    wanted = [OBJECT, OBJECT[::-1], OBJECT.T]
    results = ask(made, *map(picture, wanted))
    assert all(iou(result.mask, mask) > 0.85 for result, mask in zip(results, wanted, strict=True))


def test_a_size_that_the_file_does_not_take_is_told(tmp_path):
    made = segmenter(onnx_files.red(tmp_path / "m.onnx", shape=(1, 3, 64, 64)), size=128)
    assert "masks.matting.size is 128, but " in refusal(made)
    assert ask(segmenter(tmp_path / "m.onnx", size=None), picture())[0].status == "ok"


def test_a_file_of_open_size_gets_1024(tmp_path):
    made = segmenter(onnx_files.red(tmp_path / "m.onnx"), size=None)
    assert made._pixels(picture()).shape == (3, 1024, 1024)


def test_half_precision_files_run(tmp_path):
    (result,) = ask(segmenter(onnx_files.red(tmp_path / "m.onnx", half=True)), picture())
    assert iou(result.mask, OBJECT) > 0.9


def test_logits_and_probabilities_are_told_apart(tmp_path, red):
    soft = onnx_files.red(tmp_path / "soft.onnx", sigmoid=True)
    masks = [ask(segmenter(path), picture())[0] for path in (red, soft)]
    assert (masks[0].mask == masks[1].mask).all()
    assert masks[0].score == pytest.approx(masks[1].score, abs=1e-4)
    logits = ask(segmenter(soft, output="logits"), picture())[0]  # sigmoid twice: all above one half
    assert logits.mask.all()


def test_minmax_stretches_each_photo(tmp_path):
    weak = onnx_files.red(tmp_path / "weak.onnx", sharpness=0.01, sigmoid=True)
    assert ask(segmenter(weak, output="probabilities"), picture())[0].mask.shape == (60, 90)
    (result,) = ask(segmenter(weak, output="minmax"), picture())
    assert iou(result.mask, OBJECT) > 0.9
    (flat,) = ask(segmenter(weak, output="minmax"), np.full((30, 30, 3), 90, np.uint8))
    assert (flat.mask, flat.status) == (None, "mask_empty")


def test_mean_and_deviation_are_applied(red):
    pixels = segmenter(red, mean=(0.5, 0.25, 0.0), std=(0.5, 1.0, 2.0))._pixels(np.full((10, 10, 3), 255, np.uint8))
    np.testing.assert_allclose(pixels[:, 5, 5], [1.0, 0.75, 0.5], rtol=1e-6)


def test_the_threshold_cuts_the_map(red):
    wide, narrow = (ask(segmenter(red, threshold=value), picture())[0].mask.sum() for value in (0.05, 0.95))
    assert wide > narrow > 0


def test_nothing_that_stands_out_is_a_status(red):
    (result,) = ask(segmenter(red), np.full((30, 30, 3), 90, np.uint8))
    assert (result.mask, result.status) == (None, "mask_empty")
    assert result.reason.endswith("sees no object in this image.")


def test_values_that_are_no_numbers_are_an_error(tmp_path):
    made = segmenter(onnx_files.red(tmp_path / "m.onnx", sharpness=np.nan))
    with pytest.raises(ValueError, match="no numbers"):
        ask(made, picture())


def test_a_batch_gives_what_one_at_a_time_gives(tmp_path):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (height, 70, 3), np.uint8) for height in (40, 64, 128, 50)]
    made = segmenter(onnx_files.network(tmp_path / "n.onnx"))
    for single, among in zip([ask(made, image)[0] for image in images], ask(made, *images), strict=True):
        assert iou(single.mask, among.mask) > 0.999
        assert single.score == pytest.approx(among.score, abs=1e-5)


def test_the_batch_is_the_files_or_the_configs(tmp_path, red):
    fixed = onnx_files.red(tmp_path / "m.onnx", shape=(2, 3, 64, 64))
    eight = MachineConfig(device="cpu", batch_size=8)
    sizes = [segmenter(path, machine=machine).batch_size for path in (red, fixed) for machine in (None, eight)]
    assert sizes == [1, 8, 2, 2]


def test_a_gpu_without_its_package_is_the_cpu(red, caplog):
    made = segmenter(red, machine=MachineConfig(device="cuda"))
    assert ask(made, picture())[0].status == "ok"
    assert "onnxruntime-gpu" in caplog.text


def test_the_revision_is_the_files_contents_and_loads_nothing(tmp_path, red):
    made = segmenter(red)
    assert made.revision.startswith("red.onnx@")
    assert "_model" not in vars(made)
    onnx_files.red(red, sharpness=10.0)
    assert segmenter(red).revision != made.revision
    before = segmenter(red).revision
    (tmp_path / "red.onnx_data").write_bytes(b"weights outside")
    assert segmenter(red).revision != before


def test_a_file_in_a_folder_is_found_by_its_name_or_when_it_is_alone(tmp_path, red):
    assert ask(segmenter(tmp_path), picture())[0].status == "ok"
    (tmp_path / "onnx").mkdir()
    onnx_files.red(tmp_path / "onnx" / "model.onnx")
    assert ask(segmenter(tmp_path, file="onnx/model.onnx"), picture())[0].status == "ok"
    message = refusal(segmenter(tmp_path))
    assert message.startswith("masks.matting.model.file is missing: which ONNX file")
    assert "onnx/model.onnx, red.onnx" in message
    assert "there is no " in refusal(segmenter(tmp_path, file="other.onnx"))


def test_missing_and_damaged_files_are_told(tmp_path):
    assert refusal(segmenter("./nowhere.onnx")).startswith("masks.matting.model.id: there is no ")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    assert "cannot be loaded" in refusal(segmenter(tmp_path / "bad.onnx"))


def test_a_hub_file_without_a_network_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = refusal(segmenter("someone/some-model", file="onnx/model.onnx"))
    assert message.startswith("masks.matting.model: ")
    assert "varireal fetch" in message


def test_models_of_another_kind_are_told(tmp_path):
    assert "expected one picture" in refusal(segmenter(onnx_files.channels_last(tmp_path / "m.onnx")))
    assert "expected one map for each" in refusal(segmenter(onnx_files.red(tmp_path / "two.onnx", out=2)))


def test_missing_libraries_are_told_with_the_command(monkeypatch):
    monkeypatch.delitem(sys.modules, "varireal.segmenters.matting")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendError, match=r"run: pip install 'varireal\[diffusion\]'"):
        load_backend("segmenters", "matting")


def test_as_many_masks_and_names_as_images_are_needed(red):
    with pytest.raises(ValueError, match="got 1 images with 0 masks and 1 names"):
        segmenter(red).segment([picture()], [], ["gull"])
    assert segmenter(red).segment([], [], []) == []
