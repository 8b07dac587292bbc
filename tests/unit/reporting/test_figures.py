import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import pytest
from PIL import Image

from unit.reporting.study_results import HOSTILE, difference, study
from varireal.reporting.figures import write_figures
from varireal.statistics.records import Finding

NAMES = ("forest", "forest-use", "accuracy", "learning_accuracy", "learning_loss", "confusion-test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    before = dict(mpl.rcParams)
    written = write_figures(folder, study(test_sets=("test",)))
    assert {name for _, name in written} == {path.name for path in folder.iterdir()}
    assert dict(mpl.rcParams) == before
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_an_svg_and_a_picture(folder, name):
    root = ElementTree.parse(folder / f"{name}.svg").getroot()  # noqa: S314  (a file of this test)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    with Image.open(folder / f"{name}.png") as picture:
        picture.load()
        assert picture.width > 600
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_text_needs_no_font_and_nothing_from_a_network(folder):
    for path in folder.glob("*.svg"):
        text = path.read_text("utf-8")
        assert "<text" not in text
        assert "<script" not in text
        assert 'href="http' not in text


def test_the_same_results_give_the_same_bytes(folder, tmp_path):
    write_figures(tmp_path, study(test_sets=("test",)))
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_every_finding_and_names_that_are_no_mathematics(tmp_path):
    rows = [
        difference(finding, name=f"{HOSTILE} $x^{{ {number}: feasible - infeasible")
        for number, finding in enumerate(Finding)
    ]
    write_figures(tmp_path, study(test_sets=("test",), differences=tuple(rows), curves=()))
    assert {path.stem for path in tmp_path.iterdir()} == {"forest", "accuracy", "confusion-test"}


def test_many_comparisons_are_drawn_over_the_page(tmp_path):
    rows = tuple(
        difference(name=f"regime {number} − real", test_set=name)
        for number in range(30)
        for name in ("test", "test_b")
    )
    write_figures(tmp_path, study(test_sets=("test",), differences=rows, curves=()))
    with Image.open(tmp_path / "forest.png") as picture:
        assert 2000 < picture.width < 2200
        assert picture.height < 2100


def test_families_and_sets_of_the_same_slug_do_not_overwrite_one_another(tmp_path):
    rows = (difference(family="a b"), difference(family="a-b"))
    write_figures(tmp_path, study(test_sets=("test", "test_x", "test-x"), differences=rows, curves=()))
    names = {path.stem for path in tmp_path.iterdir()}
    assert {"forest-a-b", "forest-a-b-2", "confusion-test", "confusion-test-x", "confusion-test-x-2"} <= names


def test_no_results_make_no_figure(tmp_path):
    assert write_figures(tmp_path / "figures", study(regimes=(), differences=())) == []
