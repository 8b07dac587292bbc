"""What a machine lacks: packages, memory, keys; and never the value of a key."""

from importlib import metadata

import pytest

from varireal.config.machine import MachineConfig
from varireal.config.model import parse_config
from varireal.tools import doctor
from varireal.tools.doctor import (
    MISSING,
    PRESENT,
    DeviceState,
    ModelState,
    device_state,
    extra_states,
    server_states,
    to_fetch_gb,
    too_big,
)

SDXL = {"edits": {"backend": "sdxl"}}
VLM = {"verdicts": {"judge": "vlm"}}


def state(stage, gb_16, part_16=None, *, name="a/b", found=PRESENT, local=False):
    return ModelState(
        key="k",
        id=name,
        local=local,
        stages=(stage,),
        state=found,
        problem="",
        revision=None,
        locked=True,
        kind="",
        licence="mit",
        gated=False,
        size_gb=gb_16,
        gb_16=gb_16,
        part_16=part_16 or gb_16,
        verified=False,
    )


def card(memory_gb, dtype="bfloat16"):
    return DeviceState("a card", memory_gb, dtype, on_gpu=True)


def refusals(raw, models, device):
    return too_big(parse_config(raw), models, device)


EDITING = [state("edits", 6.9, 5.1, name=name) for name in ("a/inpaint", "a/base", "a/prior")]


def test_on_a_small_card_the_parts_take_turns():
    assert refusals(SDXL, EDITING, card(80.0)) == []
    assert refusals(SDXL, EDITING, card(11.9)) == []  # 12 GB: one part of 5.1 GB at a time
    (told,) = refusals(SDXL, EDITING, card(5.9))
    assert told == "the models of edits need about 8 GB, a card has 6; choose a smaller model, or a larger card"


def test_a_card_that_could_offload_is_told_how():
    models = [state("edits", 57.7, 20.0)]
    (told,) = refusals(SDXL, models, card(45.0))
    assert "need about 60 GB, a card has 48; set machine.memory_gb: 12" in told


def test_one_model_at_two_places_counts_once():
    twice = [state("edits", 30.0, name="a/x"), state("edits", 30.0, name="a/x")]
    assert refusals(SDXL, twice, card(45.0)) == []


def test_float32_doubles_and_quantizing_halves():
    judge = [state("verdicts", 15.1)]
    assert refusals(VLM, judge, card(22.0)) == []
    (told,) = refusals(VLM, judge, card(22.0, "float32"))
    assert told.endswith("set machine.dtype: auto, which halves it")
    (told,) = refusals(VLM, judge, card(11.9))
    assert "verdicts.vlm.quantize: 8bit or 4bit" in told
    assert refusals({"verdicts": {"judge": "vlm", "vlm": {"quantize": "8bit"}}}, judge, card(11.9)) == []


def test_the_cpu_and_unknown_sizes_are_no_reason_to_refuse():
    assert refusals(SDXL, EDITING, DeviceState("cpu", 4.0, "float32", on_gpu=False)) == []
    assert refusals(SDXL, [state("edits", None)], card(5.9)) == []


def test_large_models_on_the_cpu_are_a_note():
    cpu = DeviceState("cpu", 16.0, "float32", on_gpu=False)
    assert "run on the CPU here, which works and is slow" in doctor.too_slow(EDITING, cpu)
    assert doctor.too_slow([state("masks", 0.1)], cpu) == ""
    assert doctor.too_slow(EDITING, card(8.0)) == ""


def test_what_is_still_to_be_fetched():
    models = [
        state("edits", 5.0, name="a/x", found=MISSING),
        state("edits", 5.0, name="a/x", found=MISSING),
        state("masks", 1.0, name="a/y"),
        state("masks", 2.0, name="here", found=MISSING, local=True),
        state("masks", None, name="a/z", found=MISSING),
    ]
    assert to_fetch_gb(models) == 5.0


def test_extras_by_what_needs_them(monkeypatch):
    raw = {
        "masks": {"backend": "grounded_sam2"},
        "verdicts": {"judge": "openai"},
        "prompts": {"source": "openai"},
        "dataset": {"exports": ["webdataset", "coco"]},
    }
    found = {extra.name: extra for extra in extra_states(parse_config(raw))}
    assert found["diffusion"].needed_by == ("grounded_sam2",)
    assert found["llm"].needed_by == ("openai", "prompts.source")
    assert {"clip", "webdataset", "coco"} <= set(found)
    assert all(not extra.missing for name, extra in found.items() if name in ("diffusion", "llm", "clip"))
    assert [extra.name for extra in extra_states(parse_config({"adapters": {"regimes": []}}))] == []
    real = metadata.version

    def version(name):
        if name == "diffusers":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    found = {extra.name: extra for extra in extra_states(parse_config(raw))}
    assert found["diffusion"].missing == ("diffusers",)


def test_keys_are_set_or_not_and_never_shown(monkeypatch):
    config = parse_config(
        {
            "edits": {"backend": "openai_images"},
            "prompts": {"source": "openai", "openai": {"server": {"base_url": "http://localhost:8000/v1"}}},
        }
    )
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    prompts, images = server_states(config)
    assert images.problem == (
        "edits.openai_images: the environment variable OPENAI_API_KEY is not set; it holds the server's key"
    )
    assert (prompts.key, prompts.unset, prompts.problem) == ("prompts.openai", ("OPENAI_API_KEY",), "")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert [(server.unset, server.problem) for server in server_states(config)] == [((), ""), ((), "")]
    assert "sk-secret" not in repr(server_states(config))


def test_a_header_whose_variable_is_not_set(monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    server = {"base_url": "http://localhost:8000/v1", "headers": {"X-Key": "MY_KEY"}}
    (found,) = server_states(parse_config({"prompts": {"source": "openai", "openai": {"server": server}}}))
    assert "prompts.openai.server.headers: not set in the environment: " in found.problem
    assert "MY_KEY" in found.problem


def test_the_device():
    cpu = device_state(MachineConfig(device="cpu"))
    assert (cpu.name, cpu.dtype, cpu.on_gpu, cpu.problem) == ("cpu", "float32", False, "")
    assert cpu.memory_gb > 0.1
    assert device_state(MachineConfig(device="cpu", dtype="bfloat16")).dtype == "bfloat16"


def test_a_gpu_that_is_not_there_is_a_problem():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    found = device_state(MachineConfig(device="cuda"))
    assert "machine.device is 'cuda', but torch finds no GPU here" in found.problem
    assert device_state(MachineConfig()).name == "cpu"
