"""Loading real transformers' classes from folders: what loads, and what is told when it does not."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskGeneration, AutoModelForZeroShotObjectDetection, AutoProcessor, Sam2Model

from tiny import masks
from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.device import Device
from varireal.models.loading import load_processor, load_transformers

CPU = Device("cpu", torch.float32, 0.0)
KEY = "masks.grounded_sam2.segmenter"


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A copy of a tiny SAM 2, to be spoilt."""
    return shutil.copytree(tiny_model("sam2"), tmp_path / "sam2")


def load(folder, *, kind=AutoModelForMaskGeneration, device=CPU, types=(), **ref):
    return load_transformers(kind, ModelRef(id=str(folder), **ref), KEY, device=device, types=types)


def refusal(folder, **options):
    with pytest.raises(BackendError) as caught:
        load(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(KEY)
    return message


def test_a_folder_loads_in_eval_mode_and_the_wanted_format(folder):
    model = load(folder, device=Device("cpu", torch.bfloat16, 0.0))
    assert (type(model), model.training, model.dtype) == (Sam2Model, False, torch.bfloat16)


def test_a_sharded_checkpoint_loads_the_same_weights(folder, tmp_path):
    whole = load(folder)
    whole.save_pretrained(tmp_path / "sharded", max_shard_size="100KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 1
    sharded = load(tmp_path / "sharded").state_dict()
    assert all(torch.equal(value, sharded[name]) for name, value in whole.state_dict().items())


def test_a_variant_loads_and_a_missing_one_is_told(folder, tmp_path):
    load(folder).half().save_pretrained(tmp_path / "half", variant="fp16")
    assert load(tmp_path / "half", variant="fp16").dtype == torch.float32
    message = refusal(folder, variant="fp16")
    assert message.startswith(f"{KEY}.variant: ")
    assert "no weights of the variant 'fp16' (found model.safetensors)" in message
    assert "only model.fp16.safetensors; name the variant" in refusal(tmp_path / "half")


def test_a_model_in_a_subfolder_loads(folder, tmp_path):
    shutil.move(folder, tmp_path / "repository" / "inner")
    assert type(load(tmp_path / "repository", subfolder="inner")) is Sam2Model
    ref = ModelRef(id=str(tmp_path / "repository"), subfolder="inner")
    assert load_processor(AutoProcessor, ref, KEY).target_size == 64
    assert "there is no" in refusal(tmp_path / "repository")


def test_a_missing_folder_is_told(tmp_path):
    assert refusal(tmp_path / "nothing").startswith(f"{KEY}.id: there is no ")


def test_a_file_is_told(folder):
    assert "is a file; expected a folder" in refusal(folder / "model.safetensors")


def test_a_hub_id_without_a_network_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = refusal("someone/some-model")
    assert "is not in" in message
    assert "varireal fetch" in message


def test_another_kind_of_model_is_told(folder):
    assert "cannot be loaded" in refusal(folder, kind=AutoModelForZeroShotObjectDetection)
    assert "is a model of type 'sam2'; expected grounding-dino" in refusal(folder, types=("grounding-dino",))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"model_type": "no such"}'])
def test_a_damaged_config_is_told(folder, text):
    (folder / "config.json").write_text(text)
    refusal(folder)


def test_weights_in_another_format_are_not_loaded(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "holds no .safetensors file; other formats are not loaded" in refusal(folder)


def test_cut_weights_are_told(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "cannot be loaded" in refusal(folder)


def test_weights_that_lack_some_are_told_and_not_drawn_at_random(folder):
    state = load_file(folder / "model.safetensors")
    name = next(name for name in state if name.startswith("mask_decoder") and state[name].ndim > 1)
    del state[name]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    message = refusal(folder)
    assert "1 missing or of another shape" in message
    assert name in message


def test_code_of_a_repository_is_not_run(folder, tmp_path):
    """The config asks for a class of the repository's own; its file would leave a trace."""
    config = json.loads((folder / "config.json").read_text()) | {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForMaskGeneration": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w').close()\n")
    refusal(folder)
    assert not (tmp_path / "trace").exists()


def test_a_missing_processor_is_told(folder):
    (folder / "processor_config.json").unlink()
    with pytest.raises(BackendError, match=f"{KEY}: the processor of .* cannot be loaded"):
        load_processor(AutoProcessor, ModelRef(id=str(folder)), KEY)


def test_the_detector_has_its_own_classes(tmp_path):
    masks.grounding_dino(tmp_path / "dino", max_shard_size="200KB")
    model = load(tmp_path / "dino", kind=AutoModelForZeroShotObjectDetection, types=("grounding-dino",))
    processor = load_processor(AutoProcessor, ModelRef(id=str(tmp_path / "dino")), KEY)
    assert type(model).__name__ == "GroundingDinoForObjectDetection"
    assert type(processor).__name__ == "GroundingDinoProcessor"
