import pytest

from varireal.config.hosted import OpenAIPrompts
from varireal.hosted.tokens import count_tokens, token_counter
from varireal.hosted.written import AnswerError, read_items
from varireal.prompts.requests import ColorItem, NamedItem, Place, Vote, answer_schema
from varireal.prompts.vetting import Vetting
from varireal.records import Prompt

CLASSES = {"mallard": "mallard", "emu": "emu"}
FILLER = "a wide and quiet place with nothing else in it at all under a clear sky"


def vet(items, attribute="background", arm="feasible", have=(), other=(), **options):
    vetting = Vetting(OpenAIPrompts(**options), "bird", CLASSES, token_counter(None))
    good, refused = vetting.vet(items, Place("mallard", "mallard", attribute), arm, have, other)
    return [p.name for p in good], [(r.name, str(r.code)) for r in refused]


def item(name, description=FILLER):
    return NamedItem(name=name, description=description)


def prompt(name, arm="feasible", attribute="background"):
    return Prompt(f"x.{name}", "mallard", attribute, arm, name)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (item("mallard pond"), "class_name_leak"),
        (item("pond", "A pond with two mallards on it."), "class_name_leak"),
        (item("old harbour", ""), "no_description"),
        (item("nude beach"), "unsafe"),
        (item("a" * 61), "too_long"),
        (item("pond", "quiet " * 45 + "pond"), "repetition"),
        (item("pond", "x7 " * 90), "too_many_tokens"),
        (item("pond\u202e"), "control_character"),
    ],
)
def test_a_bad_prompt_is_refused_with_its_code_and_the_others_stay(bad, code):
    good, refused = vet([item("river bank"), bad], language=None)
    assert good == ["river bank"] + ([] if code else [bad.name])
    assert refused == ([(" ".join(bad.name.split()), code)] if code else [])


def test_duplicates_and_overlaps_are_refused():
    have, other = [prompt("river bank")], [prompt("lava lake", "infeasible")]
    good, refused = vet(
        [item("River  Bank"), item("meadow"), item("meadow"), item("lava lake")], have=have, other=other
    )
    assert good == ["meadow"]
    assert refused == [("River Bank", "duplicate"), ("meadow", "duplicate"), ("lava lake", "overlap")]
    assert vet([item("river bank")], arm="infeasible", other=have)[1] == [("river bank", "overlap")]


def test_near_duplicates_are_refused():
    assert vet([item("sandy river banks")], have=[prompt("sandy river bank")])[1] == [
        ("sandy river banks", "near_duplicate")
    ]


def test_another_language_is_refused():
    german = [item("Seeufer", "Ein ruhiger See mit Kieseln und Gras am Ufer bei klarem und blauem Himmel.")]
    assert vet(german)[1] == [("Seeufer", "language")]
    assert vet(german, language="de")[0] == ["Seeufer"]
    assert vet(german, language=None)[0] == ["Seeufer"]


@pytest.mark.parametrize(
    ("name", "rgb", "code"),
    [
        ("sandy brown", "#c4a661", None),
        ("hot pink", "#ff028d", None),
        ("blorptastic", "#ff028d", "color_unknown"),
        ("navy blue", "#ffee00", "color_mismatch"),
    ],
)
def test_a_colour_is_known_and_is_what_its_name_says(name, rgb, code):
    good, refused = vet([ColorItem(name=name, rgb=rgb)], "color")
    assert (good, refused) == (([name], []) if code is None else ([], [(name, code)]))


def test_words_of_the_user_are_unsafe_too():
    assert vet([item("burning house")], unsafe_words=("burning",))[1] == [("burning house", "unsafe")]


def answer(content, finish="stop", refusal=None):
    return {"content": content, "finish_reason": finish, "refusal": refusal}


@pytest.mark.parametrize(
    "content",
    [
        '{"answers": [{"number": 1, "feasible": true}]}',
        'Here it is:\n```json\n{"answers": [{"number": 1, "feasible": true}]}\n```\nBye',
        '[{"number": 1, "feasible": true}]',
        '{"answers": [{"number": 1, "feasible": true}, {"number": "two"}]}',
    ],
)
def test_answers_are_found_in_what_models_put_around_them(content):
    items, problems = read_items(answer(content), Vote, "answers")
    assert [(vote.number, vote.feasible) for vote in items] == [(1, True)]
    assert len(problems) == ("two" in content)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (answer(None, refusal="I cannot"), "refused"),
        (answer("no json"), "parse"),
        (answer('{"answers": [{"number": 1, "feas', "length"), "truncated"),
        (answer('{"votes": []}'), "schema"),
        (answer('{"answers": []}'), "schema"),
        (answer('{"answers": [{"number": 1, "feasible": NaN}]}'), "parse"),
        (answer('{"answers": [{"number": 1, "feasible": "yes"}]}'), "schema"),
        (answer("[" * 100_000), "parse"),
    ],
)
def test_an_unusable_answer_has_a_code_and_a_line(given, code):
    with pytest.raises(AnswerError) as caught:
        read_items(given, Vote, "answers")
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_the_schema_is_closed():
    schema = answer_schema(NamedItem, "prompts", "en")
    assert schema["additionalProperties"] is False
    inner = schema["properties"]["prompts"]["items"]
    assert inner["additionalProperties"] is False
    assert sorted(inner["required"]) == ["description", "name"]
    assert "pattern" in inner["properties"]["name"]
    assert (
        "pattern"
        not in answer_schema(NamedItem, "prompts", "fr")["properties"]["prompts"]["items"]["properties"]["name"]
    )


@pytest.mark.parametrize("text", ["a photo of a cat", "Knitted wool: grey stitches.", "don't 12 ä 鸟 🐦", "Zyx-9Q!"])
def test_tokens_are_those_of_clip(text):
    from open_clip.tokenizer import SimpleTokenizer

    assert count_tokens(text) == len(SimpleTokenizer().encode(text))
