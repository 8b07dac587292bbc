"""Backends by name, with a real distribution that registers its own."""

import sys

import pytest

from varireal.backends import BackendContext, make_backend
from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.core.marks import SOURCE_TYPES
from varireal.core.registry import (
    backend_names,
    backend_version,
    digital_source_type,
    is_built_in,
    known_backend,
    load_backend,
)
from varireal.errors import BackendError, ConfigError
from varireal.judges.gates import ReceiptJudge
from varireal.segmenters.grabcut import GrabCutSegmenter
from varireal.segmenters.grounded_sam2 import GroundedSam2Segmenter
from varireal.segmenters.matting import MattingSegmenter
from varireal.segmenters.provided import ProvidedSegmenter
from varireal.study.needs import stage_needs
from varireal_demo.editor import ProceduralEditor

BUILT_IN = [
    ("segmenters", "provided", ProvidedSegmenter),
    ("segmenters", "grabcut", GrabCutSegmenter),
    ("segmenters", "grounded_sam2", GroundedSam2Segmenter),
    ("segmenters", "matting", MattingSegmenter),
    ("editors", "procedural", ProceduralEditor),
    ("judges", "receipt", ReceiptJudge),
]

MODULE = """
class CircleSegmenter:
    name, version, revision = "circle", 4, None

    def __init__(self, radius=3):
        self.radius = radius

    def segment(self, images, given, class_names):
        return []


class Dumb:
    name, version, revision = "dumb", 1, None
"""

ENTRY_POINTS = """
[varireal.segmenters]
circle = fake_backends:CircleSegmenter
broken = fake_backends_not_there:Anything

[varireal.judges]
jury = fake_backends:CircleSegmenter

[console_scripts]
provided = fake_backends:CircleSegmenter
"""


def install(folder, name="fake", version="1.0", entry_points=ENTRY_POINTS):
    """What an installer leaves behind: a module, and a folder of metadata beside it."""
    (folder / "fake_backends.py").write_text(MODULE)
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path, as site-packages is."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("fake_backends", None)


@pytest.fixture
def installed(site):
    install(site)
    return site


@pytest.mark.parametrize(("capability", "name", "kind"), BUILT_IN)
def test_built_in_backends_load_under_the_name_that_they_carry(capability, name, kind):
    loaded = load_backend(capability, name)
    assert loaded is kind
    assert loaded.name == name


@pytest.mark.parametrize(("capability", "name", "kind"), BUILT_IN)
def test_the_version_of_a_built_in_backend_is_that_of_its_class(capability, name, kind):
    assert backend_version(capability, name) == str(kind.version)


def test_names_without_other_packages():
    assert backend_names("segmenters") == ["grabcut", "grounded_sam2", "matting", "provided"]
    assert backend_names("editors") == ["instruct", "openai_images", "procedural", "sdxl"]
    assert backend_names("judges") == ["openai", "receipt", "vlm"]


def test_a_package_adds_backends_to_its_capabilities_alone(installed):
    assert backend_names("segmenters") == ["broken", "circle", "grabcut", "grounded_sam2", "matting", "provided"]
    assert backend_names("judges") == ["jury", "openai", "receipt", "vlm"]
    assert backend_names("editors") == ["instruct", "openai_images", "procedural", "sdxl"]


def test_a_backend_of_another_package_is_its_class(installed):
    kind = load_backend("segmenters", "circle")
    assert (kind.__module__, kind.__name__) == ("fake_backends", "CircleSegmenter")
    assert kind(radius=9).radius == 9


def test_entry_points_of_other_groups_do_not_count(installed):
    assert load_backend("segmenters", "provided") is ProvidedSegmenter


def test_naming_backends_imports_none_of_them(installed):
    backend_names("segmenters")
    assert "fake_backends" not in sys.modules


def test_the_version_of_a_backend_is_that_of_its_package(site):
    install(site, version="1.0")
    assert backend_version("segmenters", "circle") == "1.0"
    assert "fake_backends" not in sys.modules


def test_a_newer_package_is_a_newer_backend(site):
    install(site, version="1.0rc2")
    assert backend_version("segmenters", "circle") == "1.0rc2"
    assert backend_version("judges", "jury") == "1.0rc2"


def test_an_unknown_backend_is_told_with_the_known_ones():
    with pytest.raises(
        BackendError,
        match=r"unknown segmenter 'sam9'; known: grabcut, grounded_sam2, matting, provided; or install the package",
    ):
        load_backend("segmenters", "sam9")


def test_an_unknown_backend_has_no_version():
    with pytest.raises(BackendError, match="unknown editor 'paint'"):
        backend_version("editors", "paint")


def test_a_backend_whose_package_is_missing_says_so(installed):
    message = "'broken' cannot be imported .*fake_backends_not_there.*of varireal.segmenters.*install what its package"
    with pytest.raises(BackendError, match=message):
        load_backend("segmenters", "broken")


def test_a_registered_name_whose_class_is_gone_is_a_backend_error(site):
    install(site, entry_points="[varireal.editors]\ngone = fake_backends:Renamed\n")
    with pytest.raises(BackendError, match=r"'gone' cannot be imported .*of varireal.editors"):
        load_backend("editors", "gone")


def test_whose_a_broken_backend_is_stands_in_the_error(installed):
    with pytest.raises(BackendError, match=r"package fake 1\.0, entry point fake_backends_not_there:Anything"):
        load_backend("segmenters", "broken")


def test_a_module_that_raises_anything_is_told_in_one_line(site):
    install(site, entry_points="[varireal.judges]\nbad = fake_bad:Judge\n")
    (site / "fake_bad.py").write_text("raise RuntimeError('no licence\\nfor this machine')\n")
    with pytest.raises(BackendError, match=r"'bad' cannot be imported \(RuntimeError: no licence for this") as caught:
        load_backend("judges", "bad")
    assert "\n" not in str(caught.value)


def test_a_class_without_the_method_of_its_capability_is_refused_when_it_is_loaded(site):
    install(site, entry_points="[varireal.segmenters]\ndumb = fake_backends:Dumb\n")
    message = (
        r"'dumb' \(package fake 1\.0, entry point fake_backends:Dumb of varireal\.segmenters\) has no method 'segment'"
    )
    with pytest.raises(BackendError, match=message):
        load_backend("segmenters", "dumb")


def test_two_packages_with_one_name_are_told_apart_and_refused(site):
    install(site, "one", entry_points="[varireal.editors]\nsame = fake_backends:Dumb\n")
    install(site, "two", entry_points="[varireal.editors]\nsame = fake_backends:CircleSegmenter\n")
    with pytest.raises(BackendError, match=r"'same' is there twice \(package .* and package .*\); uninstall"):
        backend_version("editors", "same")


def test_what_is_known_without_importing_stands_in_brackets(site):
    install(site, entry_points="[varireal.segmenters]\nboth = fake_backends:CircleSegmenter [gpu, wordless]\n")
    config = parse_config({"masks": {"backend": "both"}})
    assert stage_needs(config, "masks", 10).gpu == 1
    assert stage_slices(config, {})["masks"].noun == ""
    assert "fake_backends" not in sys.modules
    assert load_backend("segmenters", "both").version == 4


def test_without_brackets_a_backend_wants_no_gpu_and_may_use_every_word(installed):
    config = parse_config({"masks": {"backend": "circle"}})
    assert stage_needs(config, "masks", 10).gpu == 0
    assert stage_slices(config, {})["masks"].noun == "bird"


def test_a_word_in_brackets_that_means_nothing_is_refused(site):
    install(site, entry_points="[varireal.editors]\nodd = fake_backends:Dumb [fast]\n")
    with pytest.raises(BackendError, match=r"unknown word 'fast' in brackets \(package fake 1\.0, entry point fake_b"):
        known_backend("editors", "odd")


def test_a_judge_of_another_package_has_options(site):
    install(site, entry_points="[varireal.judges]\nstrict = fake_backends:Strict\n")
    (site / "fake_backends.py").write_text(
        "class Strict:\n"
        "    name, version, revision = 'strict', 1, None\n"
        "    def __init__(self, limit=1): self.limit = limit\n"
        "    def judge(self, candidates, gates): return []\n"
    )
    verdicts = parse_config({"verdicts": {"judge": "strict", "options": {"limit": 9}}}).verdicts
    assert make_backend("judges", "strict", verdicts, BackendContext()).limit == 9
    assert "options" in slice_text(stage_slices(parse_config({"verdicts": verdicts.model_dump()}), {})["verdicts"])
    assert '"options": {"limit"' not in slice_text(stage_slices(parse_config({}), {})["verdicts"])
    wrong = verdicts.model_copy(update={"options": {"bound": 9}})
    with pytest.raises(
        BackendError, match=r"verdicts\.options\.bound: .*'strict' .*has no such option; it takes limit"
    ):
        make_backend("judges", "strict", wrong, BackendContext())


def test_the_config_takes_a_registered_backend_with_its_options(installed):
    config = parse_config({"masks": {"backend": "circle", "options": {"radius": 7}}})
    assert (config.masks.backend, config.masks.options) == ("circle", {"radius": 7})


def test_the_config_names_the_registered_backends_too(installed):
    with pytest.raises(
        ConfigError,
        match=r"unknown segmenter 'cirle'; did you mean 'circle'. known: broken, circle, grabcut, grounded_sam2",
    ):
        parse_config({"masks": {"backend": "cirle"}})


@pytest.mark.parametrize(("block", "backend"), [("masks", "provided"), ("masks", "grabcut"), ("edits", "procedural")])
def test_options_for_a_built_in_backend_are_refused(block, backend):
    with pytest.raises(ConfigError, match=f"{block}.*options") as caught:
        parse_config({block: {"backend": backend, "options": {"radius": 7}}})
    assert backend in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_backends_of_this_package_are_built_in(installed):
    assert is_built_in("segmenters", "grabcut") is True
    assert is_built_in("segmenters", "circle") is False
    assert is_built_in("editors", "grabcut") is False


def test_empty_options_are_no_options():
    assert parse_config({"masks": {"options": {}}, "edits": {"options": {}}}) == parse_config({})


def test_every_editor_says_what_its_pictures_are():
    for name in backend_names("editors"):
        assert digital_source_type(name) in SOURCE_TYPES
    assert digital_source_type("procedural") == "composite"


def test_an_editor_of_another_package_may_say_what_its_pictures_are():
    class Whole:
        digital_source_type = "trainedAlgorithmicMedia"

    class Wrong:
        digital_source_type = "digitalCapture"

    assert digital_source_type("theirs", object()) == "compositeSynthetic"
    assert digital_source_type("theirs", Whole()) == "trainedAlgorithmicMedia"
    with pytest.raises(BackendError, match="digitalCapture"):
        digital_source_type("theirs", Wrong())
