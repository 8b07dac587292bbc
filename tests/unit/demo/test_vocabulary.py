"""Understanding prompts."""

import subprocess
import sys

import pytest

from varireal.editors import oklab
from varireal.editors.colors import METALLIC, NEON
from varireal.errors import UnknownPromptError
from varireal.records import Prompt
from varireal_demo.vocabulary import understand


def plan(attribute, name, description=""):
    return understand(Prompt("p1", "heron", attribute, "feasible", name, description))


def color(name, description=""):
    (found,) = plan("color", name, description).colors
    return found


def unknown(attribute, name, description=""):
    with pytest.raises(UnknownPromptError) as caught:
        plan(attribute, name, description)
    return caught.value


@pytest.mark.parametrize(
    ("name", "code"),
    # Codes of the XKCD survey and, for names that it lacks, of CSS.
    [
        ("neon green", "#0cff0c"),
        ("green", "#15b01a"),
        ("sky blue", "#75bbfd"),
        ("Hot Pink fur", "#ff028d"),
        ("dark slate grey", "#2f4f4f"),
        ("robin's egg blue", "#8af1fe"),
        ("whites", "#ffffff"),
    ],
)
def test_tables(name, code):
    assert tuple(round(255 * value) for value in color(name).rgb) == tuple(bytes.fromhex(code[1:]))


def test_modifiers_move_a_colour_in_a_perceptual_space():
    plain, dark, pale = (oklab.from_srgb(color(name).rgb) for name in ("indigo", "dark indigo", "very pale indigo"))
    assert dark[0] < plain[0] - 0.05
    assert pale[0] > plain[0] + 0.2


def test_finishes():
    assert color("metallic teal").finish == METALLIC
    assert color("gunmetal").finish == METALLIC
    assert color("neon turquoise").finish == NEON
    assert color("fawn").finish == "plain"


@pytest.mark.parametrize("name", ["fawn", "brindle", "wheaten", "gunmetal", "sable", "blue merle", "roan"])
def test_coat_and_paint_words(name):
    assert color(name).name.startswith(name.split()[0])


def test_two_colour_words_in_a_row_are_one_colour():
    blend, first, second = (oklab.from_srgb(color(n).rgb)[0] for n in ("champagne gold", "champagne", "gold"))
    assert min(first, second) < blend < max(first, second)


def test_a_colour_prompt_names_one_colour():
    assert "names 2 colours" in str(unknown("color", "black and tan"))


def test_the_name_alone_counts():
    """A picture must show what its name says, so a description cannot stand in for a name that means nothing."""
    assert color("red", "a blue bird").name == "red"
    assert "arctic" in str(unknown("color", "arctic ghost", "a coat as white as snow"))
    assert "qzx" in str(unknown("texture", "flubberwood qzx", "made of thick knitted wool"))
    assert "nowhere" in str(unknown("background", "nowhere known", "a sandy beach"))


@pytest.mark.parametrize(
    ("name", "material", "colors"),
    [
        ("red brick", "brick", ["red"]),
        ("brick walls", "brick", []),
        ("black and white patches", "patches", ["black", "white"]),
        ("blue knitted wool", "knitted wool", ["blue"]),
        ("chain mail", "chain mail", []),
        ("chainmail", "chain mail", []),
        ("gold scales", "scales", ["gold"]),
        ("moss green wool", "wool fleece", ["moss green"]),
        ("brick red knit", "knitted wool", ["brick red"]),
        ("red spots on white", "spots", ["red", "white"]),
        ("white with black spots", "spots", ["black", "white"]),
        ("wooden planks", "wood", []),
        ("leopard print", "leopard", []),
    ],
)
def test_textures(name, material, colors):
    found = plan("texture", name)
    assert (found.material, [c.name for c in found.colors]) == (material, colors)


@pytest.mark.parametrize(
    ("name", "scene"),
    [("quiet sandy beach at dusk", "beach"), ("living rooms", "living room"), ("deep space", "deep space")],
)
def test_backgrounds(name, scene):
    assert plan("background", name).scene == scene


@pytest.mark.parametrize(
    ("attribute", "name", "word", "near"),
    [
        ("color", "bleu", "bleu", "blue"),
        ("color", "drak blue", "drak", "dark"),
        ("color", "santorini black", "santorini", None),
        ("texture", "marbel", "marbel", "marble"),
        ("texture", "knited wool", "knited", "knitted"),
        ("background", "beech", "beech", "beach"),
        ("shape", "round", "shape", None),
    ],
)
def test_unknown_words_are_named_with_the_nearest(attribute, name, word, near):
    error = unknown(attribute, name)
    assert error.word == word
    assert repr(word) in str(error)
    assert "\n" not in str(error)
    if near:
        assert error.nearest[0] == near
        assert repr(near) in str(error)


@pytest.mark.parametrize("attribute", ["background", "color", "texture"])
@pytest.mark.parametrize("name", ["", "the of and", "☃", "{0}", "../../etc", "a" * 3000])
def test_odd_texts_are_refused_not_crashed(attribute, name):
    assert len(str(unknown(attribute, name)).splitlines()) == 1


def test_colour_prompts_are_understood_without_opencv():
    code = (
        "import sys\nfrom varireal_demo.vocabulary import understand\nfrom varireal.records import Prompt\n"
        "print(understand(Prompt('p', 'c', 'color', 'f', 'red')).colors[0].name)\n"
        "print(understand(Prompt('p', 'c', 'texture', 'f', 'red brick')).material, 'cv2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["red", "brick", "False"]
