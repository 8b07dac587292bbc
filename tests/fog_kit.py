"""Another package, as an installer leaves it: an attribute, a measure and an editor, and rows that cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
from varireal.attributes import Attribute, PromptWording
from varireal.metrics.measures import Measure
from varireal.names import OK
from varireal.records import EditResult

KEYS = ("present_1", "present_2", "feasible_1", "feasible_2")
FOG = Attribute(
    name="fog",
    title="fog",
    region="whole",
    measures=("changed_fraction", "leak_max", "leak_mean", "haze"),
    gates={"min_haze": 0.1},
    instruction="Put the {noun} into {prompt}.",
    wording=PromptWording(
        many="kinds of fog", feasible="kinds that occur", infeasible="kinds that never do", each="kind of fog"
    ),
    questions={key: {"ask": f'Is there "{{name}}" ({key})?'} for key in KEYS},
    applies="fogkit:is_dark",
)
HAZE = Measure(
    column="haze",
    doc="mean brightening, -1..1",
    function="fogkit:haze",
    gate="min_haze",
    gate_doc="Smallest mean brightening.",
    low=-1,
    high=1,
    reason="no_haze",
    label="clear",
    sentence="There is too little haze.",
)
CURVE = Attribute(name="bend", title="bend", region="corner")
SIZE = Attribute(name="size", title="size", region="object")
STEEP = Attribute(name="steep", title="steep", region="object", measures=("haze", "hase"))
STRICT = Attribute(name="strict", title="so", region="object", measures=("leak_max", "haze"), gates={"min_haze": 3})
COLOR = Attribute(name="color", title="another colour", region="whole")


def haze(edit):
    return (edit.edited.astype(float) - edit.original).mean() / 255


def is_dark(photo, mask):
    return "the photo is bright already" if photo[0, 0, 0] > 150 else None


class FogEditor:
    name, version, revision = "fogger", 1, None
    attributes = ("fog", "color")

    def check(self, prompt):
        pass

    def edit(self, requests):
        import numpy as np

        results = []
        for request in requests:
            share = 0.6 if "thick" in request.prompt.name else 0.05
            made = (request.image * (1 - share) + 255 * share).astype(np.uint8)
            results.append(EditResult(OK, image=made, region=np.ones(request.mask.shape, bool)))
        return results
"""

ENTRY_POINTS = """
[varireal.attributes]
fog = fogkit:FOG
lost = fogkit_not_there:LOST
bend = fogkit:CURVE
other = fogkit:FOG
size = fogkit:SIZE
haze = fogkit:HAZE
steep = fogkit:STEEP
strict = fogkit:STRICT
color = fogkit:COLOR

[varireal.measures]
haze = fogkit:HAZE
gone = fogkit:GONE

[varireal.editors]
fogger = fogkit:FogEditor
"""


def install(folder: Path) -> Path:
    """Put the package into a folder; return it."""
    folder.mkdir(exist_ok=True)
    (folder / "fogkit.py").write_text(MODULE)
    info = folder / "fogkit-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fogkit\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def python(code: str, *arguments: str, site: Path | None, cwd: Path) -> str:
    """What a fresh Python prints, with the package in ``site`` or without one: tables are read once in a process."""
    places = [str(Path(__file__).parent), *([str(site)] if site else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
