import pytest

from varireal.config.model import Config, parse_config
from varireal.errors import ConfigError


def test_defaults_are_the_demo():
    assert parse_config({}) == Config()
    assert parse_config({}).images.source == "demo"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"edits": {"bakend": "x"}}, ["'edits.bakend'", "did you mean 'backend'", "batch_size"]),
        ({"edist": {}}, ["'edist'", "did you mean 'edits'"]),
        ({"edits": {"backend": "sdxl9"}}, ["'edits.backend'", "'sdxl9'", "procedural"]),
        ({"masks": {"backend": "sam"}}, ["'masks.backend'", "grabcut", "provided"]),
        ({"study": {"seed": -1}}, ["'study.seed'", "greater than or equal to 0", "-1"]),
        ({"study": {"shards": 0}}, ["'study.shards'", "1", "0"]),
        ({"study": {"name": "../x"}}, ["'study.name'", "'../x'"]),
        ({"study": {"results": "a{b}"}}, ["'study.results'"]),
        ({"images": {"source": "foldr"}}, ["'images.source'", "folder", "'foldr'"]),
        ({"images": {"source": "folder"}}, ["images.folder.path"]),
        ({"images": {"demo": {"species": ["emu"]}}}, ["'emu'", "mallard"]),
        ({"images": {"val_fraction": 0.6, "test_fraction": 0.5}}, ["val_fraction", "below 1"]),
        ({"images": {"near_duplicate_distance": 99}}, ["'images.near_duplicate_distance'", "16", "99"]),
        ({"edits": {"attributes": ["colour"]}}, ["'edits.attributes.0'", "'color'", "'colour'"]),
        ({"edits": {"attributes": ["color", "color"]}}, ["named twice"]),
        ({"masks": {"limits": {"min_area": 0.9, "max_area": 0.5}}}, ["min_area (0.9)", "max_area (0.5)"]),
        ({"verdicts": {"gates": {"color": {"max_leek": 1}}}}, ["'verdicts.gates.color.max_leek'", "'max_leak'"]),
        ({"adapters": {"regimes": ["real", "fake"]}}, ["'adapters.regimes'", "no regime is called 'fake'", "real"]),
        ({"adapters": {"all_of": ["colour"]}}, ["'adapters.all_of'", "'colour'", "background, color, texture"]),
        (
            {"edits": {"attributes": ["color"]}, "adapters": {"all_of": ["color", "texture"]}},
            ["'adapters.all_of'", "'texture' is not edited", "edits.attributes has color"],
        ),
        ({"images": 5}, ["'images'", "5"]),
    ],
)
def test_a_mistake_is_one_line_with_key_place_and_what_is_allowed(raw, words):
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, place="studies/mine.yaml")
    message = str(caught.value)
    assert message.startswith("studies/mine.yaml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "raw",
    [
        {"openai_api_key": "x"},
        {"prompts": {"bank": {"token": "x"}}},
        {"images": {"noun": "sk-proj-4Kabcdefghijklmnop"}},
        {"images": {"class_names": {"a": "hf_7Qabcdefghijklmnopqrst"}}},
        {"study": {"hub-token": "x"}},
        {"a": [{"password": "x"}]},
    ],
)
def test_secrets_are_refused_without_repeating_them(raw):
    with pytest.raises(ConfigError, match="environment variables") as caught:
        parse_config(raw)
    assert "abcdefgh" not in str(caught.value)


@pytest.mark.parametrize(
    "images",
    [
        {"class_names": {"key": "door key", "token": "bus token"}},
        {"noun": "sk-learn is a nice library"},
        {"source": "folder", "folder": {"path": "data/hf_flowers_dataset_v2"}},
    ],
)
def test_names_and_sentences_are_no_secrets(images):
    assert parse_config({"images": images, "masks": {"backend": "grabcut"}}).images


@pytest.mark.parametrize("raw", [{"study": {"shards": True}}, {"study": {"shards": "3"}}, {"images": {"noun": 5}}])
def test_values_of_another_type_are_refused(raw):
    with pytest.raises(ConfigError, match="should be a valid"):
        parse_config(raw)


@pytest.mark.parametrize("key", ["edits", "masks"])
def test_options_are_not_for_built_in_backends(key):
    with pytest.raises(ConfigError, match=f"'{key}.options'.*takes none.*foo"):
        parse_config({key: {"options": {"foo": 1}}})


def test_a_key_name_that_only_sounds_secret_is_not_refused():
    with pytest.raises(ConfigError, match="unknown key"):
        parse_config({"prompts": {"max_tokens": 5}})


def test_a_folder_of_photos_has_no_masks():
    with pytest.raises(ConfigError, match="grabcut"):
        parse_config({"images": {"source": "folder", "folder": {"path": "x"}}})


def test_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Config().study.seed = 3  # type: ignore[misc]
