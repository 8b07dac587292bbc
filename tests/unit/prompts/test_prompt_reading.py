from pathlib import Path

import pytest

from varireal.errors import ConfigError
from varireal.prompts.reading import read_document


def document(tmp_path: Path, text: str | bytes):
    path = tmp_path / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_document(path)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "the file must be a mapping (key: value), found nothing"),
        ("- a\n", 1, "the file must be a mapping (key: value), found a list"),
        ("a: 1\nb:\n\tc: 1\n", 3, "indented with a tab"),
        ("a: 1\nb: c: d\n", 2, "put a text that contains ': ' in quotes"),
        ("a: 1\nb: @home\n", 2, "put a text that starts with a special character in quotes"),
        ("a: 1\nb: 'open\n", 3, "not YAML: found unexpected end of stream"),
        ("a: 1\nb: x\x07\n", 2, "control characters are not allowed"),
        ("a: 1\n---\nb: 2\n", 3, "a second YAML document"),
        ("a: 1\nb: *nowhere\n", 2, "alias *nowhere has no anchor"),
        ("a: " + "[" * 100_000, 1, "nested too deeply"),
        ("- " * 5_000, 1, "nested too deeply"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "only plain data is allowed"),
        ("a: 1\nb: !!str x\n", 2, "only plain data is allowed"),
        ("a: 1\nb: !own {c: 1}\n", 2, "only plain data is allowed"),
    ],
)
def test_what_is_no_plain_mapping_is_one_line_with_file_and_line(tmp_path, text, line, says):
    with pytest.raises(ConfigError) as error:
        document(tmp_path, text)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'a.yaml'}:{line}: ")
    assert says in message
    assert "\n" not in message


def test_missing_file_and_folder_and_other_encodings_are_config_errors(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read \(No such file or directory\)"):
        read_document(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        read_document(tmp_path)
    with pytest.raises(ConfigError, match="not UTF-8 text at byte 3"):
        document(tmp_path, "a: é".encode("latin-1"))


def test_scalars_are_the_text_as_written(tmp_path):
    found = document(tmp_path, "\ufeffno: 1.50\n737: 2024-01-01\n'null': Yes\nempty:\ntilde: ~\nquoted: '~'\n")
    pairs = found.mapping(found.root, "the file")
    assert {key: node.text for key, (_, node) in pairs.items()} == {
        "no": "1.50",
        "737": "2024-01-01",
        "null": "Yes",
        "empty": "",
        "tilde": "",
        "quoted": "~",
    }
    assert pairs["quoted"][1].line == 6


def test_an_alias_stands_for_its_anchor_and_a_cycle_ends_as_an_error_of_type(tmp_path):
    found = document(tmp_path, "a: &x [b, c]\nd: *x\n")
    pairs = found.mapping(found.root, "the file")
    assert [node.text for node in found.sequence(pairs["d"][1], "d")] == ["b", "c"]
    cycle = document(tmp_path, "a: &x\n  - *x\n")
    inner = cycle.sequence(cycle.mapping(cycle.root, "the file")["a"][1], "a")[0]
    with pytest.raises(ConfigError, match=r":1: name must be a text, found a list"):
        cycle.string(inner, "name")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nnoun: 2\na: 3\n", ":3: key 'a' is twice in the file, first in line 1; keep one"),
        ("a: 1\nnoum: 2\n", ":2: unknown key 'noum' in the file; did you mean 'noun'? Allowed: a, noun"),
        ("a: 1\nzzzz: 2\n", ":2: unknown key 'zzzz' in the file; Allowed: a, noun"),
        ("a: 1\n[x]: 2\n", ":2: a key of the file must be a text, found a list"),
        ("a: 1\n'': 2\n", ":2: a key of the file must be a text, found nothing"),
    ],
)
def test_keys_are_texts_known_and_single(tmp_path, text, says):
    found = document(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        found.mapping(found.root, "the file", ["a", "noun"])
    assert str(error.value) == f"{tmp_path / 'a.yaml'}{says}"


def test_spans_cover_scalars_exactly(tmp_path):
    found = document(tmp_path, 'é😀: x # c\r\nb: |\n  in # no\n# yes\nc: "a # no"\n')
    assert [found.text[start:end] for start, end in found.spans] == [
        "é😀",
        "x",
        "b",
        "|\n  in # no\n",
        "c",
        '"a # no"',
    ]
