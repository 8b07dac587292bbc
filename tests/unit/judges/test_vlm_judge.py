"""Vision-language models of three families, tiny and random, loaded by the real code."""

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from judging_kit import picture
from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.verdicts import VlmJudging
from varireal.core.registry import backend_version, load_backend
from varireal.errors import BackendError
from varireal.judges import vlm
from varireal.judges.base import Asked
from varireal.judges.vlm import Chat, Plain, Sharing, VlmInput, same_answers
from varireal.models.device import Device

FAMILIES = ["llava_next", "qwen3_vl", "smolvlm"]
TEXTS = ("Is it pink?", "Is this a picture of a gull by the sea?\nAnswer with one word: Yes or No.", "Is it?")
# Float32 on one thread: other batches add up in another order.
SAME = 2e-6


def make(folder, **options):
    machine = MachineConfig(device="cpu", batch_size=options.pop("batch_size", None))
    settings = VlmJudging(model=ModelRef(id=str(folder)), **options)
    return vlm.VlmJudge.from_config(settings, BackendContext(machine=machine))


def asked(count=4):
    """Pictures of different sizes with different questions."""
    return [Asked(picture(n, 40 + 8 * n, 64), TEXTS[: 1 + n % 3]) for n in range(count)]


def numbers(answers):
    return np.array([(answer.p_yes, answer.mass) for group in answers for answer in group])


def straight(folder, one, text):
    """What the model says to one question about one picture, computed without any code of this package."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    shown = Image.open(io.BytesIO(one)).convert("RGB")
    content = [{"type": "image", "image": shown}, {"type": "text", "text": text}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
    )
    with torch.no_grad():
        p = model(**inputs).logits[0, -1].softmax(-1)
    number = processor.tokenizer.convert_tokens_to_ids
    yes, no = (sum(float(p[number(word)]) for word in words) for words in (("Yes", "yes"), ("No", "no")))
    return yes / (yes + no), yes + no


@pytest.mark.parametrize("family", FAMILIES)
def test_p_yes_is_that_of_the_model(tiny_model, family):
    folder = tiny_model(family)
    found = numbers(make(folder).ask(asked(2)))
    expected = [straight(folder, one.picture, text) for one in asked(2) for text in one.texts]
    assert found == pytest.approx(np.array(expected), abs=SAME)
    assert len(np.unique(found[:, 0].round(5))) == len(found)  # pictures and questions both matter


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_four_gives_what_four_batches_of_one_give(tiny_model, family):
    alone = numbers(make(tiny_model(family), batch_size=1).ask(asked()))
    together = numbers(make(tiny_model(family), batch_size=4).ask(asked()))
    assert together == pytest.approx(alone, abs=SAME)


@pytest.mark.parametrize("family", FAMILIES)
def test_sharing_a_picture_gives_what_passing_it_with_every_question_gives(tiny_model, family):
    judge = make(tiny_model(family))
    assert isinstance(judge._way, Sharing)
    shown = [VlmInput(Image.open(io.BytesIO(one.picture)).convert("RGB"), one.texts) for one in asked()]
    with torch.inference_mode():
        both = [np.array(way.run(judge._chat, way.prepare(judge._chat, shown), shown)) for way in (Plain(), Sharing())]
    assert both[1] == pytest.approx(both[0], abs=SAME)


def test_a_chat_that_shows_the_question_first_is_passed_whole(tiny_model, tmp_path):
    """The template turns the order around, so nothing can be shared; the answers are right all the same."""
    folder = shutil.copytree(tiny_model("smolvlm"), tmp_path / "turned")
    path = folder / "chat_template.jinja"
    template = path.read_text()
    assert "m['content']" in template
    path.write_text(template.replace("m['content']", "m['content'] | reverse"))
    judge = make(folder)
    assert isinstance(judge._way, Plain)
    expected = straight(folder, asked(1)[0].picture, TEXTS[0])
    assert numbers(judge.ask(asked(1)))[0] == pytest.approx(expected, abs=SAME)


def test_a_large_picture_is_made_smaller_and_a_small_one_is_not(tiny_model):
    def size(long_side, height, width):
        judge = make(tiny_model("qwen3_vl"), long_side=long_side)
        seen = []
        judge._pass = lambda shown: [seen.append(one.picture.size) or () for one in shown]
        list(judge.ask([Asked(picture(0, height, width), TEXTS)]))
        return seen[0]

    assert size(96, 100, 200) == (96, 48)
    assert size(512, 100, 200) == (200, 100)
    assert size(None, 100, 200) == (200, 100)


def test_nothing_is_loaded_before_the_first_question(tiny_model, monkeypatch):
    monkeypatch.setattr(vlm, "load_transformers", lambda *_, **__: pytest.fail("loaded"))
    judge = make(tiny_model("smolvlm"))
    assert judge.revision.startswith("smolvlm")
    assert judge.pictures > 0
    judge.close()


def test_the_model_is_loaded_once(tiny_model, monkeypatch):
    loads, load = [], vlm.load_transformers
    monkeypatch.setattr(vlm, "load_transformers", lambda *a, **k: loads.append(a) or load(*a, **k))
    judge = make(tiny_model("smolvlm"))
    for _ in range(3):
        list(judge.ask(asked(2)))
    assert len(loads) == 1
    judge.close()
    list(judge.ask(asked(1)))
    assert len(loads) == 2


def test_other_weights_are_another_revision(tiny_model, tmp_path):
    folder = shutil.copytree(tiny_model("smolvlm"), tmp_path / "other")
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert make(folder).revision != make(tiny_model("smolvlm")).revision


def test_options_that_change_an_answer_are_part_of_its_identity(tiny_model):
    one, other = make(tiny_model("smolvlm")), make(tiny_model("smolvlm"), long_side=128)
    assert one.identity != other.identity
    assert one.identity == make(tiny_model("smolvlm"), batch_size=2).identity


def test_running_out_of_memory_halves_the_batch_and_changes_nothing(tiny_model, monkeypatch):
    expected = numbers(make(tiny_model("qwen3_vl")).ask(asked()))
    sizes, real = [], vlm.VlmJudge._pass

    def scarce(self, shown):
        sizes.append(len(shown))
        if len(shown) > 1:
            raise torch.OutOfMemoryError
        return real(self, shown)

    monkeypatch.setattr(vlm.VlmJudge, "_pass", scarce)
    assert numbers(make(tiny_model("qwen3_vl"), batch_size=4).ask(asked())) == pytest.approx(expected, abs=SAME)
    assert sizes == [4, 2, 1, 1, 1, 1]


def test_one_picture_that_does_not_fit_is_told(tiny_model, monkeypatch):
    def never(self, shown):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(vlm.VlmJudge, "_pass", never)
    with pytest.raises(BackendError, match="one picture with 1 questions is too much for the GPU's memory; set"):
        list(make(tiny_model("smolvlm")).ask(asked(1)))


def change_json(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "config.json").unlink(), r"is no model of transformers: there is no .*config\.json"),
        (lambda f: (f / "model.safetensors").unlink(), r"holds no \.safetensors file"),
        (lambda f: (f / "tokenizer.json").unlink(), "the processor of .* cannot be loaded"),
        (lambda f: change_json(f, "config.json", model_type="bert"), "cannot be loaded"),
        (lambda f: (f / "chat_template.jinja").unlink(), "has no chat template; use a model tuned for chat"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_line(tiny_model, tmp_path, damage, told):
    folder = shutil.copytree(tiny_model("smolvlm"), tmp_path / "damaged")
    damage(folder)
    with pytest.raises(BackendError, match=told) as caught:
        list(make(folder).ask(asked(1)))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("verdicts.vlm.model")


def test_a_model_that_is_nowhere_is_told(tmp_path):
    with pytest.raises(BackendError, match=r"verdicts\.vlm\.model\.id: there is no .*gone"):
        list(make(tmp_path / "gone").ask(asked(1)))


def test_a_tokenizer_without_the_words_is_told(tiny_model):
    class Wordless:
        processor = AutoProcessor.from_pretrained(tiny_model("smolvlm"))

    Wordless.processor.tokenizer.get_vocab = lambda: {"Yes": 1, "a": 2}
    with pytest.raises(BackendError, match="no single token for yes or for no"):
        Chat(None, Wordless.processor, Device("cpu", torch.float32, 0.0), "verdicts.vlm.model")


def test_a_model_that_cannot_share_is_found_out(tiny_model, monkeypatch, caplog):
    judge = make(tiny_model("smolvlm"))
    wrong = Sharing.run
    monkeypatch.setattr(Sharing, "run", lambda *args: [(yes * 0.9, no) for yes, no in wrong(*args)])
    with torch.inference_mode():
        assert same_answers(judge._chat) is False
    assert "changes this model's answers" in caplog.text


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_fewer_bits_need_a_gpu(tiny_model, bits):
    with pytest.raises(BackendError, match=f"verdicts.vlm.quantize is '{bits}', which needs a GPU; use none"):
        list(make(tiny_model("smolvlm"), quantize=bits).ask(asked(1)))


def test_fewer_bits_need_their_package(tiny_model, monkeypatch):
    monkeypatch.setattr(vlm, "find_device", lambda _: Device("cuda", torch.bfloat16, 24.0))
    monkeypatch.setattr(vlm, "find_spec", lambda _: None)
    with pytest.raises(BackendError, match="needs bitsandbytes; run: pip install bitsandbytes"):
        list(make(tiny_model("smolvlm"), quantize="8bit").ask(asked(1)))


def test_it_is_found_by_its_name():
    assert load_backend("judges", "vlm") is vlm.VlmJudge
    assert backend_version("judges", "vlm") == str(vlm.VlmJudge.version)
