"""The flaws of what a weak model writes, and that no prompt of a bank has one."""

import json
from pathlib import Path

import pytest
import yaml

from kit import ROOT
from varireal.config.hosted import OpenAIPrompts
from varireal.config.images import DEMO_CLASSES
from varireal.hosted.tokens import token_counter
from varireal.prompts.bank import load_bank, prompts_for
from varireal.prompts.flaws import (
    MAX_COLOR_WORDS,
    MAX_DESCRIPTION_WORDS,
    MAX_NAME_WORDS,
    Flaw,
    Wording,
    first_flaw,
    repeated_words,
)
from varireal.prompts.instructions import PROMPTS, template_texts
from varireal.prompts.requests import ColorItem, NamedItem, Place
from varireal.prompts.vetting import Vetting
from varireal.prompts.writing import duplicate_pairs
from varireal.records import Prompt

PLACE = "Reeds and shallow water under a pale morning sky."
LONG = (
    "Reeds, rushes and sedges stand in shallow brown water below a pale morning sky with thin clouds over distant "
    "blue hills and dark woods."
)
SURFACE = "Soft loose strands in layers."
WEAK = json.loads((ROOT / "tests/recorded/smollm2_accepted.json").read_text("utf-8"))


def flaw(name, description="", attribute="background", language="en", classes=("mallard", "salmon"), templates=None):
    prompt = Prompt("x", "mallard", attribute, "feasible", name, description)
    found = first_flaw(Wording(prompt, "bird", classes, language, templates))
    assert found is None or (found[1] and "\n" not in found[1])
    return found[0] if found else None


def of_banks():
    shipped = sorted((ROOT / "src/varireal/assets/prompts").glob("*.yaml"))
    chosen = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / "studies").glob("*.yaml"))]
    own = {study.get("prompts", {}).get("bank", {}).get("path", "everyday") for study in chosen}
    assert own <= {path.stem for path in shipped}, "a study has a bank of its own: test it here as well"
    for path in shipped:
        bank = load_bank(path)
        names = dict(DEMO_CLASSES) if path.stem == "demo_birds" else {c.replace(" ", "-"): c for c in bank.classes}
        for class_id, name in names.items():
            for prompt in prompts_for(bank, class_id, name):
                yield bank.noun, tuple(names.values()), prompt


def test_no_prompt_of_a_bank_has_a_flaw():
    everything = list(of_banks())
    assert len(everything) > 2000
    found = {p.text: first_flaw(Wording(p, noun, names, "en", None)) for noun, names, p in everything}
    assert {text: problem for text, problem in found.items() if problem} == {}


def test_no_colour_of_a_bank_is_another_than_its_name_says():
    with_rgb = [(noun, names, p) for noun, names, p in of_banks() if p.rgb]
    for noun, names, p in with_rgb:
        vetting = Vetting(OpenAIPrompts(), noun, dict.fromkeys(names, "x"), token_counter(None))
        assert vetting.vet([ColorItem(name=p.name, rgb=p.rgb)], Place("x", "x", p.attribute), "feasible", [], [])[0]


@pytest.mark.parametrize("kind", ["unrelated", "paraphrased"])
def test_sound_texts_have_no_flaw(kind):
    texts = {text for pair in duplicate_pairs()[kind] for text in pair}
    found = {text: flaw(*text.split(": ", 1), attribute="background") for text in texts}
    assert {text: code for text, code in found.items() if code} == {}


@pytest.mark.parametrize("written", WEAK, ids=lambda written: written["name"])
def test_what_a_model_of_135_million_weights_got_accepted_is_refused(written):
    item = (
        ColorItem(name=written["name"], rgb=written["rgb"])
        if "rgb" in written
        else NamedItem(name=written["name"], description=written["description"])
    )
    vetting = Vetting(OpenAIPrompts(), written["noun"], {"x": written["class"]}, token_counter(None))
    place = Place("x", written["class"], written["attribute"])
    good, refused = vetting.vet([item], place, written["arm"], [], [])
    assert [str(r.code) for r in refused] == ([written["code"]] if written["code"] else [])
    # of 31, one is what it says: a sandy brown
    assert not good or (written["name"], written["rgb"]) == ("sandy brown", "#aaa260")
    assert vetting.vet([item], place, written["arm"], [], [], rules=1)[0], "the first checks took it"


BAD = {
    Flaw.REPETITION: [
        ("lava lava lava", PLACE), ("rocky rocky shore", PLACE), ("lalalalala", PLACE), ("soooooo deep sea", PLACE),
        ("lava lake", "Lava flows, lava glows, lava burns."), ("pond", "A quiet pond, a quiet pond."),
        ("pond", "Water on the left side and water on the left side."), ("gorge", "The end of the end of the end."),
    ],
    Flaw.WORD_LIMIT: [("old town market square with stalls", PLACE), ("pond", LONG)],
    Flaw.SENTENCES: [("pond", "Reeds grow. Water shines."), ("The pond is quiet.", PLACE), ("pond", "Reeds! Water!")],
    Flaw.CUT_OFF: [
        ("pond of the", PLACE), ("harbour", "A grey harbour with cranes and"), ("harbour", "A harbour where cranes,"),
        ("harbour", "A grey harbour (with cranes"), ("harbour", "A grey harbour with old wooden"),
        ("harbour", "A harbour in the."), ("harbour", "A harbour with cranes ..."),
    ],
    Flaw.CLASS_AS_LOOK: [
        ("mallard", SURFACE, "texture"), ("mallards' coat", SURFACE, "texture"), ("bird pattern", SURFACE, "texture"),
        ("brown bird", "", "color"), ("mallard green", "", "color"), ("salmon brown", "", "color"),
    ],
    Flaw.PERSON: [
        ("Albert Einstein", PLACE), ("Taylor Swift concert", "A stage in bright light."), ("a man", PLACE),
        ("kitchen", "A chef cooks pasta on a stove."), ("beach", "Two children build a castle."),
        ("Mr. Smith's garden", PLACE),
    ],
    Flaw.BRAND: [("Starbucks", PLACE), ("Nike store", PLACE), ("Coca-Cola factory", PLACE), ("Louis Vuitton", PLACE)],
    Flaw.ANIMAL: [("savanna", "Zebras graze under thin trees."), ("giraffe", PLACE), ("frog", SURFACE, "texture")],
    Flaw.VEHICLE: [("street", "A row of parked cars under trees."), ("old lorry", PLACE)],
    Flaw.SYMBOL: [("pond 😀", PLACE), ("pond™", PLACE), ("pond", "Reeds → water → sky in the morning.")],
    Flaw.SCRIPT: [("森林", PLACE), ("лес", PLACE), ("pond", "Камыши и вода."), ("𝐩𝐨𝐧𝐝", PLACE), ("рond", PLACE)],
    Flaw.MARKUP: [
        ("**pond**", PLACE), ("- pond", PLACE), ("1. pond", PLACE), ("#pond", PLACE), ("<description>", PLACE),
        ('{"name": "pond"', PLACE), ("pond", '"description": "reeds'), ("pond", "<p>Reeds and water</p>"),
        ("pond", "Reeds &amp; water"), ("{{ name }}", PLACE), ("[place]", PLACE), ("pond\\n", PLACE),
        ("$pond$", PLACE),
        ("name: pond", PLACE), ("pond", "user: a quiet pond"), ("pond|lake", PLACE),
    ],
    Flaw.ADDRESS: [
        ("pond", "See https://example.org for more."), ("pond", "By www.photos.net"), ("pond.jpg", PLACE),
        ("pond", "Ask me@pond.org about it."),
    ],
    Flaw.PLACEHOLDER: [
        ("name", PLACE), ("place name", PLACE), ("Background 1", PLACE), ("...", PLACE), ("tbd", PLACE),
        ("null", PLACE), ("n/a", PLACE), ("your text here", PLACE), ("pond", "Lorem ipsum dolor sit amet"),
        ("island of X", PLACE),
        ("pond", "The description of the place"),
    ],
    Flaw.ECHO: [
        ("feasible background", PLACE), ("pond", "one sentence of at most twenty words"),
        ("pond", "An image generator can draw reeds."), ("pond", "Describe the place alone and nothing more."),
    ],
    Flaw.CHATTER: [
        ("pond", "Sure, here is a quiet pond."), ("pond", "I love this calm pond."), ("pond", "As an AI, I cannot."),
        ("pond", "A pond where you can rest."),
    ],
    Flaw.SAYS_NOTHING: [
        ("pond", "pond"), ("pond", "Quiet pond."), ("Tournadoz", "Tournadoz de la Paz"), ("wisp", "mocha"),
        ("Santao", "Santao is a beautiful place of rest."),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "texts"),
    [pytest.param(code, texts, id=f"{code}-{texts[0]}") for code, all_ in BAD.items() for texts in all_],
)
def test_a_flaw_has_its_code(code, texts):
    assert flaw(*texts) == code


def test_every_flaw_is_tried():
    assert set(BAD) == set(Flaw)


@pytest.mark.parametrize(
    "texts",
    [
        ("Bora Bora beach", "Pale sand beside a clear lagoon."),
        ("dog park", "A fenced lawn with benches."),
        ("children's playground", "A slide and swings on soft ground."),
        ("train station", "Two platforms under an iron roof."),
        ("St. Paul's Cathedral", "A great dome behind grey steps."),
        ("San Diego pier", "Planks above low waves."),
        ("James Bay", "Flat wet tundra by a cold grey sea."),
        ("farmers market", "Stalls under canvas on a square."),
        ("café terrace", "Small round tables on cobbles"),
        ("20 m pool", "A pool with lanes, seen from above."),
        ("leopard print", "Golden fur pattern with dark rosettes.", "texture"),
        ("mother-of-pearl", "Shifting pink and green gloss.", "texture"),
        ("salmon", "", "color"),  # a colour, of salmons as well
        ("forêt", "Des troncs moussus et des fougères au bord d'un ruisseau.", "background", "fr"),
        ("лес", "Старые ели стоят у тихого ручья.", "background", "ru"),
        ("森", "木々の間に静かな小川が流れている。", "background", "ja"),
        ("जंगल", "पेड़ों के बीच एक शांत धारा।", "background", "hi"),
        ("جنگل", "درخت‌های بلند کنار رود آرام.", "background", "fa"),
        ("森林", "Tall stems close together.", "background", None),
    ],
    ids=lambda texts: texts[0],
)
def test_what_only_looks_like_a_flaw_is_none(texts):
    assert flaw(*texts) is None


def test_a_repeated_description_and_one_that_alone_has_no_full_stop_are_refused():
    vetting = Vetting(OpenAIPrompts(), "bird", {"x": "mallard"}, token_counter(None))
    texts = [
        ("pond", PLACE),
        ("lake", PLACE),
        ("marsh", "Tall sedges in still brown water."),
        ("bog", "Moss around dark woo"),
    ]
    items = [
        NamedItem(name=name, description=text) for name, text in [*texts, ("fen", "Low sedges around clear pools.")]
    ]
    _, refused = vetting.vet(items, Place("x", "mallard", "background"), "feasible", [], [])
    assert [(r.name, str(r.code)) for r in refused] == [("lake", "repetition"), ("bog", "cut_off")]


def test_a_background_names_neither_noun_nor_another_class():
    vetting = Vetting(OpenAIPrompts(), "bird", {"x": "mallard", "y": "emu"}, token_counter(None))
    items = [
        NamedItem(name="bird bath", description=PLACE),
        NamedItem(name="emu farm", description="Fences on dry grass."),
    ]
    _, refused = vetting.vet(items, Place("x", "mallard", "background"), "feasible", [], [])
    assert [str(r.code) for r in refused] == ["noun_leak", "other_class_leak"]


@pytest.mark.parametrize(("name", "rgb"), [("sandy brown", "#3e838a"), ("red", "#ff8800"), ("navy", "#4040c0")])
def test_a_colour_that_is_not_its_name_is_refused(name, rgb):
    vetting = Vetting(OpenAIPrompts(), "bird", {"x": "mallard"}, token_counter(None))
    _, refused = vetting.vet([ColorItem(name=name, rgb=rgb)], Place("x", "mallard", "color"), "feasible", [], [])
    assert [str(r.code) for r in refused] == ["color_mismatch"]


@pytest.mark.parametrize("rgb", ["#f4a460", "#c4a661"])  # CSS, XKCD
def test_both_published_tables_count(rgb):
    vetting = Vetting(OpenAIPrompts(), "bird", {"x": "mallard"}, token_counter(None))
    assert vetting.vet([ColorItem(name="sandy brown", rgb=rgb)], Place("x", "mallard", "color"), "feasible", [], [])[0]


def test_the_limits_are_those_of_the_instructions_and_not_of_a_users_own(tmp_path: Path):
    stated = " ".join(template_texts(None)[PROMPTS].split())
    words = {5: "five", 3: "three", 20: "twenty"}
    assert f"name: two to {words[MAX_NAME_WORDS]} words" in stated
    assert f"name: one to {words[MAX_COLOR_WORDS]} words" in stated
    assert f"one sentence of at most {words[MAX_DESCRIPTION_WORDS]} words" in stated
    long = (
        "pond",
        "Reeds grow in shallow water. A pale sky lies above them, and mist drifts over the far bank at dawn.",
    )
    assert flaw(*long) == Flaw.SENTENCES
    (tmp_path / PROMPTS).write_text(
        "{% block system %}{% endblock %}{% block user %}{% endblock %}{% block repair %}{% endblock %}"
    )
    assert flaw(*long, templates=str(tmp_path)) is None


def test_repeated_words_takes_any_text():
    assert repeated_words("") == ""
    assert repeated_words("a b a c a d") == ""
    assert repeated_words("lava " * 1000) == "lava lava"
