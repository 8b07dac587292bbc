"""Licences are folded to the strictest; what is not recognised is never taken for a free one."""

import pytest
from model_folders import model

from varireal.config.model import parse_config
from varireal.models.lock import (
    PHOTOS,
    SERVER_TERMS,
    Lock,
    LockedModel,
    card_licence,
    effective_licence,
    licence_class,
    study_licences,
)


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("mit", "permissive"),
        ("MIT License", "permissive"),
        ("apache-2.0", "permissive"),
        ("Apache License 2.0", "permissive"),
        ("bsd-3-clause", "permissive"),
        ("CC0 1.0", "permissive"),
        ("cc-by-4.0", "permissive"),
        ("mit, apache-2.0", "permissive"),
        ("cc-by-sa-4.0", "share-alike"),
        ("agpl-3.0", "share-alike"),
        ("openrail++", "use-restricted"),
        ("creativeml-openrail-m", "use-restricted"),
        ("CreativeML Open RAIL++-M", "use-restricted"),
        ("stabilityai-ai-community", "use-restricted"),
        ("llama3.1", "use-restricted"),
        ("gemma", "use-restricted"),
        ("mit, openrail", "use-restricted"),
        ("flux-1-dev-non-commercial-license", "non-commercial"),
        ("cc-by-nc-4.0", "non-commercial"),
        ("CC BY-NC-SA 3.0", "non-commercial"),
        ("non-commercial research only", "non-commercial"),
        ("bria-rmbg-1.4 (non-commercial)", "non-commercial"),
        ("cc-by-nc-nd-4.0", "no derivatives"),
        ("unknown", "unknown"),
        ("", "unknown"),
        ("other", "unknown"),
        ("my-own-licence", "unknown"),
        ("mit, my-own-licence", "unknown"),
        ("permit", "unknown"),
        ("all rights reserved", "unknown"),
        (SERVER_TERMS, "unknown"),
    ],
)
def test_classes(licence, kind):
    assert licence_class(licence) == kind


def test_the_strictest_wins_and_is_named():
    models = {"a/x": "openrail++", "b/y": "apache-2.0", PHOTOS: "cc0-1.0"}
    assert effective_licence(models) == "use-restricted, because of a/x (openrail++)"
    models["c/z"] = "flux-1-dev-non-commercial-license"
    assert effective_licence(models) == "non-commercial, because of c/z (flux-1-dev-non-commercial-license)"
    assert effective_licence(models | {PHOTOS: "cc-by-nc-nd-4.0"}).startswith(
        "no derivatives, because of the photos ("
    )


def test_what_is_unknown_is_said_and_is_not_free():
    assert effective_licence({"a/x": "mit", PHOTOS: "unknown"}) == (
        "unknown, because of the photos; the rest is permissive: a/x (mit)"
    )
    found = effective_licence({"a/x": "openrail++", "b/y": "house rules"})
    assert found == "unknown, because of b/y (house rules); the rest is use-restricted, because of a/x (openrail++)"
    assert effective_licence({"a/x": "cc-by-nc-4.0", PHOTOS: "unknown"}) == (
        "non-commercial, because of a/x (cc-by-nc-4.0); unknown for the photos"
    )
    assert effective_licence({PHOTOS: "unknown"}) == "unknown: the photos"


def test_all_free():
    assert effective_licence({"a/x": "mit", PHOTOS: "cc0-1.0"}) == "permissive: a/x (mit), the photos (cc0-1.0)"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\ntext", "mit"),
        ("---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("---\nlicense: other\nlicense_name: flux-1-dev\n---\n", "flux-1-dev"),
        ("---\nlicense: other\n---\n", "unknown"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", "mit, apache-2.0"),
        ("---\ntags: [a]\n---\n", "unknown"),
        ("---\n: : [\n---\n", "unknown"),
        ("---\n- a\n---\n", "unknown"),
        ("license: mit", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_card_says_the_licence(tmp_path, card, licence):
    (tmp_path / "README.md").write_text(card, newline="")
    assert card_licence(tmp_path) == licence


def test_no_card_no_licence(tmp_path):
    assert card_licence(tmp_path) == "unknown"


def test_the_licences_of_a_study(tmp_path):
    local = model(tmp_path / "my-sam", licence="cc-by-nc-4.0")
    raw = {
        "masks": {"backend": "grounded_sam2", "grounded_sam2": {"segmenter": {"id": str(local)}}},
        "verdicts": {"judge": "vlm", "vlm": {"model": {"id": "org/unheard-of"}}},
        "edits": {"backend": "openai_images"},
        "adapters": {"model": "org/clip"},  # trains on the data set, and is no part of it
    }
    lock = Lock(models={"IDEA-Research/grounding-dino-base": LockedModel(revision="a" * 40, licence="mit")})
    assert study_licences(parse_config(raw), lock) == {
        "IDEA-Research/grounding-dino-base": "mit",  # the card that was fetched, not what this package knew
        "gpt-image-1 (edits.openai_images)": SERVER_TERMS,
        "my-sam": "cc-by-nc-4.0",  # not the path, which says something about the machine
        "org/unheard-of": "unknown",
    }
    assert study_licences(parse_config({}), lock) == {}


def test_a_backend_of_another_package_is_unknown(monkeypatch):
    from importlib import metadata

    point = metadata.EntryPoint("mine", "somewhere:Editor", "varireal.editors")
    found = lambda group: [point] if group == "varireal.editors" else []  # noqa: E731
    monkeypatch.setattr(metadata, "entry_points", found)
    licences = study_licences(parse_config({"edits": {"backend": "mine"}}), Lock())
    assert licences == {"mine (backend of another package)": "unknown"}
    assert effective_licence(licences | {PHOTOS: "mit"}).startswith("unknown, because of mine (backend of another")
