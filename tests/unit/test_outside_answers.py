"""What other packages bring is looked at: options before any job, answers before they are rows of a table."""

import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fog_kit import install, python
from kit import install_package
from varireal import attributes, names
from varireal.backends import BackendContext, check_outside, make_backend
from varireal.config.model import parse_config
from varireal.config.slices import server_places
from varireal.core.paths import StudyPaths
from varireal.core.registry import CAPABILITIES, Backend, outside_packages
from varireal.core.stages import CONFIG, OUTPUT, STAGES, Option
from varireal.editors.base import answers
from varireal.errors import BackendError
from varireal.exports.datacard import Making, _gates
from varireal.judges.base import Verdict
from varireal.names import EditStatus
from varireal.records import EditRequest, EditResult, MadeWith, MaskResult, Prompt
from varireal.running import logs
from varireal.running.workflow import _cut
from varireal.segmenters.base import segment_all
from varireal.stages.candidates import Edit, measured
from varireal.stages.common import Summary
from varireal.stages.verdicts import _usable
from varireal.tools import plan_probe
from varireal.tools.why_sources import changed_keys

PHOTO = np.zeros((6, 8, 3), np.uint8)
MASK = np.zeros((6, 8), bool)
MASK[2:4, 2:5] = True
PROMPT = Prompt("a.color.feasible.1", "a", "color", "feasible", "grey")

MODULE = """
from collections.abc import Sequence
from pathlib import Path

class Paint:
    name, version, revision, attributes = "paint", 1, None, ("color",)
    closed = 0

    def __init__(self, size: int, share: float = 0.5, palette: Sequence[str] = (), where: Path | None = None, **_):
        if size > 9:
            raise ValueError("size must be below 10; it is a width")

    def check(self, prompt): ...
    def edit(self, requests): ...
    def close(self): type(self).closed += 1

class Strict(Paint):
    name = "strict"

    def __init__(self, size: int = 3): ...

class Other(Strict):
    name = "brush"

class Odd(Strict):
    name, digital_source_type = "odd", "photo"

class Bare:
    def __init__(self): self.version = 1
    def check(self, prompt): ...
    def edit(self, requests): ...

def write(dataset, folder): ...
"""
POINTS = """
[varireal.editors]
paint = paint_pkg:Paint
strict = paint_pkg:Strict
other = paint_pkg:Other
odd = paint_pkg:Odd
bare = paint_pkg:Bare
gone = paint_pkg:Gone

[varireal.exporters]
list = paint_pkg:write
none = paint_pkg:nothing
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    install_package(tmp_path / "site", "paint_pkg", MODULE, POINTS, version="4.2")
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield
    sys.modules.pop("paint_pkg", None)


def study(backend, attribute="color", **options):
    return parse_config({"edits": {"backend": backend, "attributes": [attribute], "options": options}})


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        ("strict", {"siz": 3}, r"^edits\.options\.siz: .* has no such option; did you mean 'size'\? it takes size$"),
        ("strict", {"size": "3"}, r"^edits\.options\.size: .* found '3': input should be a valid integer"),
        ("strict", {"size": True}, r"^edits\.options\.size: .* found True: input should be a valid integer"),
        ("paint", {}, r"^edits\.options\.size: .* needs this option, and it is missing; it takes size, share"),
        (
            "paint",
            {"size": 2, "palette": [1]},
            r"^edits\.options\.palette: .* found \[1\]: input should be",
        ),
        (
            "paint",
            {"size": 2, "share": None},
            r"^edits\.options\.share: .* found None: input should be",
        ),
        (
            "paint",
            {"size": 10},
            r"^edits\.options: .*\(ValueError: size must be below 10; .*\); found size: 10$",
        ),
        ("bare", {}, r"'bare' .* has no name, revision; docs/code\.md says what an editor has"),
        ("other", {}, r"'other' .* says that its name is 'brush'; expected 'other'"),
        ("odd", {}, r"the editor 'odd' says that its pictures are 'photo'"),
        ("gone", {}, r"'gone' cannot be imported \(AttributeError: .*'Gone', package paint_pkg 4\.2, entry point"),
    ],
)
def test_what_cannot_work_is_told_before_any_job(package, backend, options, message):
    with pytest.raises(BackendError, match=message) as caught:
        check_outside(study(backend, **options))
    assert "paint_pkg" in str(caught.value) or backend == "odd"
    assert "\n" not in str(caught.value)


def test_options_that_fit_are_taken_and_what_was_made_to_look_is_closed(package):
    check_outside(study("paint", size=2, share=1, palette=["red"], where="here", more=3))
    assert sys.modules["paint_pkg"].Paint.closed == 1
    with pytest.raises(BackendError, match=r"edits.attributes has 'texture', but the editor 'paint' \(package"):
        check_outside(study("paint", "texture", size=2))


def test_exporters_are_looked_at_too(package):
    check_outside(parse_config({"dataset": {"exports": ["list"]}}))
    with pytest.raises(BackendError, match=r"'none' cannot be imported .*package paint_pkg 4\.2"):
        check_outside(parse_config({"dataset": {"exports": ["none"]}}))


def test_nothing_of_this_package_is_imported_to_look(package):
    code = "import sys; from varireal.backends import check_outside; from varireal.config.model import parse_config\n"
    code += "check_outside(parse_config({}))\n"
    code += "print([name for name in ('torch', 'cv2', 'pyarrow', 'varireal_demo.editor') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


PLACES = """
import json
from varireal.backends import check_outside
from varireal.config.model import parse_config
from varireal.errors import VariRealError
import fogkit

def problem(attribute, gates=None):
    raw = {"edits": {"backend": "fogger", "attributes": [attribute]}, "verdicts": {"gates": {attribute: gates or {}}}}
    try:
        check_outside(parse_config(raw))
    except VariRealError as error:
        return str(error)

first = problem("fog")
object.__setattr__(fogkit.FOG, "applies", "fogkit:is_drak")
missing = problem("fog")
object.__setattr__(fogkit.FOG, "applies", "fogkit:KEYS")
constant = problem("fog")
object.__setattr__(fogkit.FOG, "applies", "")
object.__setattr__(fogkit.HAZE, "function", "fogkit.measures:haze")
module = problem("fog")
print(json.dumps([first, missing, constant, module, problem("color", {"min_haze": 0.2}), problem("color")]))
"""


def test_functions_that_are_not_where_a_row_says_are_told_with_the_package(tmp_path):
    told = json.loads(python(PLACES, site=install(tmp_path / "site"), cwd=tmp_path))
    assert told[0] is told[5] is None
    assert told[1].startswith("the attribute 'fog' (package fogkit, entry point 'fog'): fogkit:is_drak cannot be imp")
    assert told[2].endswith("fogkit:KEYS is of type tuple, expected a function; mend the package")
    for line in told[3:5]:
        assert line.startswith("the measure 'haze' (package fogkit, entry point 'haze'): fogkit.measures:haze cannot")


class Segmenter:
    name, version, revision, uses_given, uses_names, batch_size = "circle", 1, None, False, False, 2

    def __init__(self, answer):
        self.answer = answer

    def segment(self, images, given, class_names):
        return [self.answer] * len(images)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (MaskResult(MASK, "fine"), "gave the status 'fine', expected one of ok, mask_not_found"),
        (MaskResult(None, "lost", "no light"), "gave the status 'lost'.*its reason: no light"),
        (MaskResult(MASK.astype(np.uint8) * 2, "ok"), "gave a mask of uint8 with the values 0, 2, expected bool"),
        (MaskResult(MASK.astype(np.uint8) * 254, "ok"), "gave a mask of uint8 with the values 0, 254, expected bool"),
        (MaskResult(MASK * 7 + (np.arange(8) > 3), "ok"), "gave a mask of int64 with the values 0, 1, 7"),
        (MaskResult(MASK.astype(float), "ok"), "gave a mask of float64 with the values 0, 1, expected bool"),
        (MaskResult(MASK[1:], "ok"), r"gave a mask of shape \(5, 8\) for a photo of \(6, 8\)"),
        (MASK, "gave ndarray, expected a records.MaskResult"),
        (None, "gave NoneType, expected a records.MaskResult"),
    ],
)
def test_what_a_segmenter_gives_is_a_row_or_a_failed_one(answer, reason):
    results = segment_all(Segmenter(answer), [PHOTO] * 3, [None] * 3, ["a"] * 3)
    assert [result.status for result in results] == ["mask_failed"] * 3
    for result in results:
        assert re.search(reason, result.reason), result.reason


class Editor:
    name, version, revision = "brush", 1, None

    def __init__(self, answer, batch=9):
        self.answer, self.batch = answer, batch

    def edit(self, requests):
        if len(requests) > self.batch:
            raise RuntimeError("out of\npaint")
        return [self.answer] * len(requests)


def request():
    return EditRequest(PHOTO, MASK, PROMPT, 1)


OK = EditResult("ok", image=np.random.default_rng(1).integers(0, 255, PHOTO.shape, np.uint8), region=MASK)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (EditResult("done", image=PHOTO, region=MASK), "gave the status 'done', expected one of ok, no_mask"),
        (EditResult("broken", "no\nink"), "gave the status 'broken'.*its reason: no ink"),
        (EditResult("edit_failed"), "the editor gave no reason"),
        (EditResult("edit_failed", 3), "gave a reason that is no text"),
        (replace(OK, made_with="cpu"), "a made_with that is no MadeWith"),
        (None, "gave NoneType, expected a records.EditResult"),
        ((PHOTO, MASK), "gave tuple, expected a records.EditResult"),
    ],
)
def test_what_an_editor_gives_is_a_result_or_a_failed_one(answer, reason):
    ((result, together),) = answers(Editor(answer), [request()])
    assert (result.status, together) == ("edit_failed", 1)
    assert re.search(reason, result.reason), result.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(OK, region=MASK.astype(np.uint8) * 255), "the editor's region is uint8, expected bool"),
        (replace(OK, region=MASK.astype(np.int64)), "the editor's region is int64, expected bool"),
        (replace(OK, mask=MASK.astype(np.uint8)), "the editor's mask is uint8"),
        (replace(OK, image=PHOTO.astype(float) * np.nan), "must be uint8, found uint8 and float64"),
        (replace(OK, image=PHOTO[1:]), "sizes differ"),
        (replace(OK, image=None), "gave no picture or no region"),
    ],
)
def test_pictures_and_masks_of_another_kind_are_failed_items_that_name_the_package(answer, reason):
    item = SimpleNamespace(attribute="color", candidate_id="a")
    made = measured(Edit(item, request(), answer, 0.1, 1, " (package brushes 1.0)"), {})
    assert (made.row["status"], made.data) == (EditStatus.FAILED, None)
    assert reason in made.row["reason"]
    assert made.row["reason"].endswith(" (package brushes 1.0)")


def test_a_batch_that_raises_is_said_and_each_item_says_that_it_was_alone(caplog, monkeypatch):
    package = logging.getLogger("varireal")
    monkeypatch.setattr(package, "propagate", True)
    monkeypatch.setattr(package, "handlers", [])  # other tests may have left some
    logs._Failures.said.clear()
    with caplog.at_level(logging.INFO, "varireal"):
        results = answers(Editor(OK, batch=1), [request()] * 4)
    assert [together for _, together in results] == [1] * 4
    assert caplog.messages == [
        "the editor failed at a batch of 4, so each is given to it alone: RuntimeError: out of paint"
    ]
    assert [together for _, together in answers(Editor(OK), [request()] * 4)] == [4] * 4
    item = SimpleNamespace(attribute="color", candidate_id="a")
    assert measured(Edit(item, request(), OK, 0.1, 1), {}).row["batch_size"] == 1
    named = replace(OK, made_with=MadeWith(3, "bf16", "gpu"))
    assert measured(Edit(item, request(), named, 0.1, 1), {}).row["batch_size"] == 3


@pytest.mark.parametrize("debug", [False, True])
def test_of_failures_the_first_is_for_the_screen_and_tracebacks_are_for_debugging(tmp_path, capsys, debug):
    log = tmp_path / "job.log"
    logs.set_up(log, verbose=False, debug=debug)
    logger = logging.getLogger("varireal.stages.edits")
    for number in range(3):
        logs.tell_failure(logger, "item %d failed", number, error=ValueError("no\nink"))
    assert capsys.readouterr().err == "item 0 failed: ValueError: no ink\n"
    text = log.read_text()
    assert text.count("failed: ValueError: no ink") == 3
    assert text.count("ValueError: no\nink") == (3 if debug else 0)
    logs.set_up(None, verbose=False)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Verdict("yes", ()), "gave accepted 'yes', expected True or False"),
        (Verdict(None, ("x",)), "gave accepted None"),
        (Verdict(False, ()), "gave accepted False with 0 reasons"),
        (Verdict(True, ("dull: so",)), "gave accepted True with 1 reasons"),
        (Verdict(False, "dull"), "gave the reasons 'dull', expected texts"),
        (Verdict(False, (None,)), "gave the reasons"),
        (True, "gave bool, expected a judges.base.Verdict"),
    ],
)
def test_what_a_judge_gives_is_a_verdict_or_a_refusal(given, reason):
    verdict = _usable(given, "stern")
    assert not verdict.accepted
    (told,) = verdict.reasons
    assert told.startswith("judge_failed: the judge ")
    assert reason in told


def test_verdicts_that_fit_stay_as_they_are():
    assert _usable(Verdict(np.bool_(1), ()), "stern") == Verdict(True, ())
    assert _usable(Verdict(False, ["dull: so"]), "stern") == Verdict(False, ("dull: so",))


def test_packages_are_listed_with_their_versions(package):
    used = [("editors", "paint"), ("segmenters", "grabcut"), ("exporters", "not there")]
    assert outside_packages(used, ["numpy", "not there"]) == {
        "packages": {"numpy": np.__version__, "paint_pkg": "4.2"}
    }
    assert outside_packages([("editors", "procedural")]) == {}


def test_the_card_lists_gates_of_an_attribute_that_sets_none_itself():
    making = [Making("edits", 1, "a", {}, None), Making("verdicts", 1, "b", {}, {"color": {"min_changed": 0.5}})]
    facts = SimpleNamespace(making=making, config=SimpleNamespace(attributes=("weather", "color")))
    assert _gates(facts) == [("color", "min_changed", 0.5), ("weather", "max_leak", 0.0)]


def test_a_server_is_told_by_the_block_of_the_editor_that_is_chosen(monkeypatch):
    monkeypatch.setitem(CAPABILITIES["editors"].backends, "paper", Backend("x:y", hosted=True))
    config = parse_config({})
    chosen = config.model_copy(update={"edits": config.edits.model_copy(update={"backend": "paper"})})
    assert server_places(chosen) == {"editing": "edits.paper.server", "judging": "verdicts.openai.server"}
    (change,) = changed_keys("machine", {"editing": {"x": 1}}, {"editing": {"x": 2}}, chosen)
    assert change == ("edits.paper.server.x", "1", "2")
    assert server_places(config)["editing"] == "edits.openai_images.server"


def test_a_plan_tries_a_stage_that_came_later(monkeypatch, tmp_path):
    row = replace(STAGES["report"], options=(CONFIG, Option("funnel", "counts"), OUTPUT), slice="dataset")
    odd = replace(row, options=(CONFIG, Option("volume", "how loud", kind=int)))
    monkeypatch.setattr(plan_probe, "STAGES", {"prompts": row, "counts": row, "odd": odd})
    monkeypatch.setattr(plan_probe, "_STEPS", ())
    given = {}

    def stage(cut, name, **options):
        given[name] = options
        return lambda: (options["output"].write_text("12345"), Summary({names.OK: 1}))[1]

    monkeypatch.setattr(plan_probe, "_stage", stage)
    job = SimpleNamespace(output="counts.csv", store="", shard="", runs=(), round=0, attribute="", feasibility="")
    cut = SimpleNamespace(
        problems={}, paths=StudyPaths(str(tmp_path)), machine=tmp_path, prompts=[], jobs=lambda _: [job]
    )
    trials = plan_probe.probe(cut)
    assert given == {"counts": {"funnel": tmp_path / "dataset/funnel.parquet", "output": tmp_path / "counts.csv"}}
    assert (trials["counts"].problem, trials["counts"].bytes_each) == ("", 5.0)
    assert trials["odd"].problem == "what its option --volume would be is not known before it runs"


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("it is gone; fetch it", ("it is gone", "fetch it")),
        (
            "it failed (ValueError: a; b (c; d)); mend it; then go on",
            ("it failed (ValueError: a; b (c; d))", "mend it; then go on"),
        ),
        ("it failed (a; b)", ("it failed (a; b)", "")),
        ("odd :) ; a; b", ("odd :) ", "a; b")),
    ],
)
def test_a_message_is_not_cut_within_brackets(message, parts):
    assert _cut(message, last=False) == parts


def test_names_that_are_nowhere_are_told_alike():
    for kind, known in (("editor", ("move", "blur")), ("gate", ("max_leak",))):
        text = attributes.no_such(kind, known[0] + "x", known)
        assert text.startswith(f"unknown {kind} '{known[0]}x'; did you mean '{known[0]}'? known: ")
        assert text.endswith("; or install the package that brings it")


def test_a_backend_whose_constructor_says_a_users_error_says_it_as_it_is(package, monkeypatch):
    check_outside(study("strict"))

    def refuse(self):
        raise BackendError("no card here")

    monkeypatch.setattr(sys.modules["paint_pkg"].Strict, "__init__", refuse)
    with pytest.raises(BackendError, match=r"^no card here$"):
        make_backend("editors", "strict", study("strict").edits, BackendContext())
