"""A backend is a row, a block of the config and a module: nothing else of the package names it."""

import ast
from typing import Annotated

import pytest
from pydantic import Field

from kit import ROOT
from varireal.config.base import StrictModel
from varireal.config.edits import EditsConfig, HostedEdits, PictureServer
from varireal.config.hosted import Price
from varireal.config.model import Config, _unpriced
from varireal.config.slices import stage_slices
from varireal.core.registry import CAPABILITIES, Backend, described
from varireal.hosted.money import expected_usd
from varireal.models.catalog import hosted_models
from varireal.study.layout import Layout
from varireal.study.needs import stage_needs
from varireal.tools.plan import _not_here
from varireal.tools.plan_amounts import count_items, planned_stages, put_money


class Sketches(StrictModel):
    depth: Annotated[int, Field(description="Depth.")] = 3


class MoreEdits(EditsConfig):
    sketcher: Sketches = Sketches()
    painter: HostedEdits = HostedEdits(model="paint-1")


class MoreConfig(Config):
    edits: MoreEdits = MoreEdits()


@pytest.fixture
def rows(monkeypatch):
    table = CAPABILITIES["editors"].backends
    sketcher = Backend("sketching:Sketcher", "4", "pencil", extra="diffusion", words=False, seconds=2.0)
    monkeypatch.setitem(table, "sketcher", sketcher)
    monkeypatch.setitem(table, "painter", Backend("painting:Painter", "9", "a painter", hosted=True, seconds=500.0))


def config(backend, **block):
    return MoreConfig(edits=MoreEdits(backend=backend, **block))


def test_a_local_editor(rows):
    chosen = config("sketcher", sketcher=Sketches(depth=5))
    part = stage_slices(chosen, {})["edits"]
    assert (part.noun, part.edits.sketcher.depth, part.edits.painter) == ("", 5, HostedEdits(model="paint-1"))
    assert " sketcher v4 " in Layout(chosen).key("edits")
    assert stage_needs(chosen, "edits", 10).gpu == 1
    assert hosted_models(chosen) == []


def test_a_hosted_editor(rows, tmp_path):
    server = PictureServer(base_url="http://127.0.0.1:1/v1", prices={"other": Price(input=1, output=1)})
    chosen = config("painter", painter=HostedEdits(model="paint-1", server=server))
    slices = stage_slices(chosen, {})
    assert slices["machine"].editing.base_url == "http://127.0.0.1:1/v1"
    assert slices["edits"].edits.painter.server == PictureServer()
    assert (slices["edits"].noun, slices["edits"].edits.openai_images) == ("bird", HostedEdits())
    assert [(asked.key, asked.model) for asked in hosted_models(chosen)] == [("edits.painter", "paint-1")]
    assert _unpriced(chosen) == "edits.painter.server.prices for 'paint-1'"
    assert stage_needs(chosen, "edits", 1000).runtime > stage_needs(config("sketcher"), "edits", 1000).runtime
    study = chosen.study.model_copy(update={"results": str(tmp_path)})
    layout = Layout(chosen.model_copy(update={"study": study}))
    assert "hosted" in _not_here(layout)["edits"]
    amounts = count_items(layout)
    plans = planned_stages(layout, amounts, None)
    put_money(layout, amounts, plans)
    (plan,) = [plan for plan in plans if plan.stage == "edits"]
    assert any("no price for paint-1 in edits.painter.server" in reason for reason in plan.reasons)
    assert plan.tokens.high > 0
    assert expected_usd(chosen.edits.painter, 1) is None


def test_the_description_of_the_key_lists_it(rows):
    assert described("editors").endswith("a hosted editing endpoint), sketcher (pencil), painter (a painter)")


def names_in(path):
    """Text, attributes and keys of a module's code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("openai_images", {"core/registry.py", "config/edits.py", "editors/openai_images.py"}),
        ("instruct", {"core/registry.py", "config/edits.py", "editors/instruct.py"}),
        ("matting", {"core/registry.py", "config/masks.py", "segmenters/matting.py"}),
        # and in ``init``, which recommends it
        ("grounded_sam2", {"core/registry.py", "config/masks.py", "segmenters/grounded_sam2.py", "tools/init.py"}),
    ],
)
def test_a_backend_is_named_in_three_files(name, files):
    root = ROOT / "src" / "varireal"
    assert {str(path.relative_to(root)) for path in root.rglob("*.py") if name in names_in(path)} == files
