"""Attributes and measures: one row each, here or in another package; who does not use a row does not see it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from fog_kit import install, python
from varireal import attributes, names
from varireal.attributes import Attribute, PromptWording
from varireal.config.edits import EditInstructions, HostedEdits, InstructEdits, masked_recipe
from varireal.config.hosted import OpenAIPrompts
from varireal.config.verdicts import QuestionsConfig
from varireal.editors.frame import may_change, settled
from varireal.errors import BackendError, ConfigError
from varireal.judges.questions import Questions, questions_digest, read_questions
from varireal.metrics import measures
from varireal.prompts.bank import load_bank, prompts_for
from varireal.prompts.class_file import ENTRY_KEYS, TOP_KEYS, read_class_file, write_class_file
from varireal.prompts.instructions import PromptTemplates, templates_digest
from varireal.prompts.requests import Arm, Place, PromptRequests
from varireal.records import ClassInfo, MeasuredEdit
from varireal.store import tables
from varireal.store.schemas import DATASET, EDITS, MANIFEST, measures_in, with_measures

CONFIG = """
import json, sys
from varireal.config.generate import schema_json
from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.errors import VariRealError

def problem(raw):
    try:
        parse_config(raw)
    except VariRealError as error:
        return str(error)

def slices(raw):
    return {name: slice_text(part) for name, part in stage_slices(parse_config(raw), {"a": "a"}).items()}

USED = {"edits": {"attributes": ["fog", "color"], "backend": "instruct"}}
STRICTER = {"verdicts": {"gates": {"fog": {"min_haze": 0.3}}}}
HAZY = {"verdicts": {"gates": {"color": {"min_haze": 0.3}}}}
print(json.dumps({
    "plain": slices({}),
    "heavy": [name for name in ("numpy", "cv2", "pyarrow") if name in sys.modules],
    **({} if len(sys.argv) > 1 else {
        "unused": slices(STRICTER | {"edits": {"instruct": {"fog": "Fog: {prompt}"}}}),
        "used": slices(USED),
        "stricter": slices(USED | STRICTER),
        "hazy": slices(HAZY),
        "schema": json.loads(schema_json()),
        "problems": [problem(raw) for raw in json.loads(sys.stdin.read() or "[]")],
    }),
}))
"""

PROBLEMS = {
    "fgo": "unknown attribute 'fgo'; did you mean 'fog'?",
    "lost": "the attribute 'lost' cannot be used: 'lost' cannot be imported (ModuleNotFoundError: No module named "
    "'fogkit_not_there', package fogkit 1.0, entry point fogkit_not_there:LOST of varireal.attributes)",
    "bend": "region is 'corner'; expected one of object, background",
    "other": "the row is called 'fog'; give both the same name",
    "size": "'size' cannot be the name of an attribute",
    "haze": "fogkit:HAZE is no Attribute",
    "steep": "'steep' (package fogkit, entry point 'steep') cannot be edited: measures: unknown measure 'hase'; did",
    "strict": "cannot be edited: gates.min_haze is 3; expected a number from -1 to 1",
}


WEATHER = Attribute(
    name="weather",
    title="weather",
    region="whole",
    wording=PromptWording(
        many="weathers around the {noun}",
        feasible="ones that it lives in",
        infeasible="ones that do not exist on Earth",
        each="weather around it",
        more="Name no place.",
    ),
    questions={key: {"ask": f'Is the weather "{{name}}" ({key})?'} for key in names.MAIN},
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def with_package(site, tmp_path_factory):
    """What configs mean where the package is installed."""
    raws = [{"edits": {"attributes": [name], "backend": "fogger"}} for name in PROBLEMS]
    raws += [
        {"edits": {"attributes": ["fog"]}},
        {"edits": {"attributes": ["fog"], "backend": "sdxl"}},
        {"verdicts": {"gates": {"color": {"min_haz": 0.1}}}},
        {"verdicts": {"gates": {"fog": {"min_haze": 2}}}},
        {"verdicts": {"gates": {"color": {"min_zzzzzz": 2}}}},
    ]
    code = CONFIG.replace('json.loads(sys.stdin.read() or "[]")', repr(raws))
    return json.loads(python(code, site=site, cwd=tmp_path_factory.mktemp("with")))


def test_a_row_that_cannot_be_used_is_told_where_a_study_edits_it(with_package):
    for (name, expected), message in zip(PROBLEMS.items(), with_package["problems"], strict=False):
        assert expected in message, name
        assert "\n" not in message


def test_who_cannot_make_an_attribute_is_refused_while_the_config_is_read(with_package):
    procedural, sdxl, near, limit, unlike = with_package["problems"][len(PROBLEMS) :]
    assert "cannot be edited: the editor 'procedural' makes background, color, texture alone" in procedural
    assert "the editor 'sdxl' has no recipe for it" in sdxl
    assert "unknown key 'verdicts.gates.color.min_haz': did you mean 'min_haze'?" in near
    assert "'verdicts.gates.fog.min_haze': input should be less than or equal to 1 (found 2)" in limit
    assert "or mend this: 'gone' cannot be imported" in unlike


def test_a_study_that_does_not_use_them_is_the_same_with_and_without(with_package, tmp_path):
    without = json.loads(python(CONFIG, "plain", site=None, cwd=tmp_path))
    assert without["plain"] == with_package["plain"]
    assert with_package["unused"] == with_package["plain"]
    assert without["heavy"] == with_package["heavy"] == []


def test_a_study_that_uses_them_sees_them_and_their_defaults(with_package):
    used = {name: json.loads(with_package["used"][name]) for name in ("edits", "verdicts")}
    assert used["edits"]["measures"] == {"fog": {"haze": "fogkit 1"}}
    assert used["edits"]["edits"]["instruct"]["fog"] == "Put the {noun} into {prompt}."
    assert used["verdicts"]["verdicts"]["gates"]["fog"]["min_haze"] == 0.1
    assert "min_haze" not in used["verdicts"]["verdicts"]["gates"]["color"]
    changed = {name for name, text in with_package["stricter"].items() if text != with_package["used"][name]}
    assert changed == {"verdicts"}


def test_a_gate_that_is_set_on_a_published_attribute_has_its_column_measured(with_package):
    assert json.loads(with_package["hazy"]["edits"])["measures"] == {"color": {"haze": "fogkit 1"}}
    changed = {name for name, text in with_package["hazy"].items() if text != with_package["plain"][name]}
    assert changed == {"edits", "verdicts"}


def test_the_schema_has_them(with_package):
    definitions = with_package["schema"]["$defs"]
    assert definitions["EditsConfig"]["properties"]["attributes"]["items"]["enum"][-2:] == ["steep", "strict"]
    assert "fog" in definitions["GatesByAttribute"]["properties"]
    assert definitions["Gates"]["properties"]["min_haze"]["description"] == "Smallest mean brightening."
    assert definitions["InstructEdits"]["properties"]["fog"]["default"] == "Put the {noun} into {prompt}."


STUDY = """
import json
from dataclasses import replace
from pathlib import Path

from edits_kit import SHARD, Study
from varireal.config.model import parse_config
from varireal.config.slices import stage_slices
from varireal.core.paths import StudyPaths
from varireal.prompts.class_file import read_class_file, write_class_file
from varireal.records import ClassInfo, Prompt
from varireal.stages import dataset, edits, verdicts
from varireal.store import tables
import pyarrow.parquet as pq

KIT, OUT = Study(Path(".")), StudyPaths("results/s")
NAMES = {("fog", "feasible"): "thick fog", ("fog", "infeasible"): "thin fog", ("color", "feasible"): "thick grey"}
prompts = [Prompt(f"gull.{a}.{f}.1", "gull", a, f, name, "So.") for (a, f), name in NAMES.items()]
prompts.append(Prompt("gull.color.infeasible.1", "gull", "color", "infeasible", "thin grey", "So."))
Path("gull.yaml").unlink()
write_class_file(Path("gull.yaml"), ClassInfo("gull", "herring gull"), prompts, origin="bank test")
assert [p.attribute for p in read_class_file(Path("gull.yaml"))].count("fog") == 2

def config(*attributes, rounds=1, **more):
    raw = {"study": {"name": "s", "max_failed_fraction": 1.0, "shards": 1}, "images": {"source": "demo"},
           "edits": {"backend": "fogger", "attributes": list(attributes), "rounds": rounds}, "verdicts": more}
    return stage_slices(parse_config(raw), {"gull": "herring gull"})

def made(parts, attribute, arm, round_=0, earlier=()):
    place = (attribute, arm, round_, SHARD)
    table, judged = Path(OUT.edits(*place)), Path(OUT.verdicts(*place))
    arguments = KIT.arguments(attribute) | {"output": table, "feasibility": arm, "round_": round_, "machine": None}
    arguments |= {"earlier_edits": [e for e, _ in earlier], "earlier_verdicts": [v for _, v in earlier]}
    summary = edits.run(parts["edits"], **arguments)
    verdicts.run(parts["verdicts"], edits=table, output=judged)
    return table, judged, summary

def everything(parts, *attributes):
    facts = {}
    for attribute in attributes:
        for arm in ("feasible", "infeasible"):
            table, judged, summary = made(parts, attribute, arm)
            rows, names = pq.read_table(table), pq.read_schema(table).names
            facts[f"{attribute}/{arm}"] = {
                "columns": names,
                "status": rows["status"].to_pylist(),
                "haze": rows["haze"].to_pylist() if "haze" in names else None,
                "reasons": pq.read_table(judged)["reasons"].to_pylist(),
                "computed": summary.computed,
            }
    return facts

fog = config("fog", "color", rounds=2)
facts = everything(fog, "fog", "color")
for attribute in ("fog", "color"):
    for arm in ("feasible", "infeasible"):
        first = Path(OUT.edits(attribute, arm, 0, SHARD)), Path(OUT.verdicts(attribute, arm, 0, SHARD))
        table, _, _ = made(fog, attribute, arm, 1, [first])
        facts[f"{attribute}/{arm}"]["again"] = pq.read_table(table)["image_id"].to_pylist()
(Path("results/s/masks")).mkdir()
Path("masks.parquet").rename(OUT.masks(SHARD))
dataset.run(fog["dataset"], study=Path("results/s"), images=Path("images.parquet"), output=Path("results/s/dataset"),
            manifest=Path("m.parquet"), funnel=Path("f.parquet"), card=Path("README.md"))
Path(OUT.masks(SHARD)).rename("masks.parquet")
facts["manifest"] = pq.read_schema("m.parquet").names
facts["files"] = [pq.read_schema(path).names for path in sorted(Path("results/s/dataset/data").glob("*.parquet"))]
facts["funnel"] = Path("f.csv").read_text()
facts["card"] = Path("README.md").read_text()
facts["again"] = everything(config("fog", "color", rounds=2), "fog")
facts["hazy"] = everything(config("color", gates={"color": {"min_haze": 0.2, "max_leak": None}}), "color")

from varireal.errors import BackendError
from varireal.stages.candidates import make_editor
from varireal.backends import NO_MACHINE
try:
    make_editor(config("texture")["edits"], NO_MACHINE)
except BackendError as error:
    facts["refused"] = str(error)
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def study(site, tmp_path_factory):
    """A small study with both, and what it would be with a gate on a published attribute."""
    folder = tmp_path_factory.mktemp("study")
    return json.loads(python(STUDY, site=site, cwd=folder)) | {"folder": str(folder)}


def test_its_measure_refuses_what_does_not_pass_its_gate(study):
    thick, thin = study["fog/feasible"], study["fog/infeasible"]
    assert [value is not None and value > 0.1 for value in thick["haze"]] == [True, True, False]
    assert thick["reasons"][:2] == [[], []]
    (reason,) = thin["reasons"][0]
    assert reason.startswith("no_haze: haze 0.0") and reason.endswith("is below the gate 0.1")


def test_a_photo_that_it_cannot_be_applied_to_ends_as_a_row_in_both_arms_and_is_not_tried_again(study):
    for arm in ("feasible", "infeasible"):
        assert study[f"fog/{arm}"]["status"] == ["ok", "ok", "not_applicable"]
        assert study[f"fog/{arm}"]["reasons"][2] == ["not_applicable: the photo is bright already"]
    assert study["fog/feasible"]["again"] == []
    assert study["fog/infeasible"]["again"] == ["gull-0", "gull-1"]
    assert 'fog,feasible,3,2,2,1,"{""not_applicable"": 1}"' in study["funnel"]


def test_its_column_is_where_it_is_measured_and_in_the_data_set(study):
    assert "haze" in study["fog/feasible"]["columns"]
    assert "haze" not in study["color/feasible"]["columns"]
    assert "haze" in study["manifest"]
    assert all("haze" in names for names in study["files"])
    assert "| `haze` | double | mean brightening, -1..1 |" in study["card"]
    assert "or the colour or\nthe texture of the object, or its fog." in study["card"]


def test_nothing_is_made_again(study):
    assert {arm: facts["computed"] for arm, facts in study["again"].items()} == {
        "fog/feasible": 0,
        "fog/infeasible": 0,
    }


def test_a_gate_on_a_published_attribute_brings_the_column(study):
    hazy = study["hazy"]
    assert "haze" in hazy["color/feasible"]["columns"]
    assert hazy["color/feasible"]["computed"] == 3
    told = [{reason.partition(":")[0] for reason in reasons} for reasons in hazy["color/infeasible"]["reasons"]]
    assert len(told) == 3
    assert all("no_haze" in reasons for reasons in told)


def test_an_editor_of_a_package_says_what_it_makes(study):
    assert study["refused"] == (
        "edits.attributes has 'texture', but the editor 'fogger' (package fogkit 1.0, entry point "
        "fogkit:FogEditor of varireal.editors) makes fog, color alone"
    )


def test_its_column_is_read_without_the_package(study):
    place = Path(study["folder"]) / "results/s/edits/fog/feasible/round0/00000-of-00001.parquet"
    (field,) = measures_in([place])
    assert (field.name, field.metadata[b"doc"], field.metadata[b"measure_of"]) == (
        *("haze", b"mean brightening, -1..1"),
        b"fogkit 1",
    )
    rows = tables.read(place, with_measures(EDITS, [field]), ["status", "haze"])
    assert [row["haze"] is not None for row in rows] == [True, True, False]
    assert with_measures(EDITS, measures_in([])) == EDITS


def test_a_measure_whose_package_is_gone_says_what_to_install():
    picture, mask = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool)
    edit = MeasuredEdit(picture, picture, mask, mask, "color", None, mask)
    assert set(measures.measure(edit, {})) == set(measures.RECEIPT_FIELDS)
    with pytest.raises(BackendError, match=r"measures 'haze', which is not there: install the package fogkit$"):
        measures.measure(edit, {"haze": "fogkit 1"})


def test_a_measure_that_this_package_learns_later_is_named_by_it(monkeypatch):
    row = measures.Measure(column="glow", doc="a glow", function="fogkit:glow")
    rows = {**measures.every(), "glow": row}
    monkeypatch.setattr(measures, "every", lambda: rows)
    assert measures.identity("glow") == "varireal 1"
    assert "glow" not in measures.RECEIPT_FIELDS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "haze2"}, "the row's column is 'haze2'"),
        ({"function": "haze"}, "function is 'haze'; expected a place"),
        ({"gate": "haze"}, "gate is 'haze'; expected a name that begins with min_ or max_"),
        ({"label": ""}, "it has a gate but no label"),
        ({"label": 3}, "label is 3; expected a text"),
        ({"low": "0"}, "low and high are '0' and None; expected two numbers"),
        ({"low": 1, "high": 0}, "low and high are 1 and 0; expected two numbers"),
        ({"default": 0.5}, "it has a default, which would be on in studies that do not use it"),
    ],
)
def test_a_measure_that_cannot_be_used_says_why(changes, message):
    whole = {"column": "haze", "doc": "haze", "function": "fogkit:haze", "gate": "min_haze", "gate_doc": "Least."}
    row = measures.Measure(**whole | {"reason": "haze", "label": "clear", "sentence": "Clear."} | changes)
    assert message in measures._problem("haze", row)
    assert "cannot be a measure's column" in measures._problem("score", replace(row, column="score"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measures": ("changed_fraction",)}, "gates has 'max_leak', but measures lacks 'leak_max'"),
        ({"measures": ("changed_fraction",), "gates": {"max_leak": None}}, None),
        ({"gates": {"max_hue_distance": 3}}, "gates has 'max_hue_distance', but measures lacks 'hue_distance'"),
        ({"gates": {"max_seem": 1}}, "gates: unknown gate 'max_seem'; did you mean 'max_seam'?"),
        ({"gates": {"max_seam": -1}}, "gates.max_seam is -1; expected a number from 0"),
        ({"gates": {"max_seam": True}}, "gates.max_seam is True; expected a number from 0"),
        ({"measures": ("leak_max", "leaks_max")}, "measures: unknown measure 'leaks_max'; did you mean 'leak_max'?"),
    ],
)
def test_what_an_attribute_says_of_measures_and_gates_is_checked(changes, message):
    problem = measures.problem(replace(WEATHER, **changes))
    assert problem is None if message is None else message in problem


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"needs": ("light",)}, "needs has 'light'; expected some of prior, color"),
        ({"measures": "leak_max"}, "measures is 'leak_max'; expected <class 'tuple'>"),
        ({"instruction": "Make it {colour}."}, "instruction: {colour} is unknown"),
        ({"instruction": "Make it rain."}, "instruction: it names neither {prompt} nor {name}"),
        ({"applies": "somewhere"}, "applies is 'somewhere'; expected a place"),
        ({"wording": "rain"}, "wording is 'rain'; expected"),
    ],
)
def test_an_attribute_that_cannot_be_used_says_why(changes, message):
    assert message in attributes._problem("weather", replace(WEATHER, **changes))


def test_names_that_rows_may_not_have_are_all_on_the_lists():
    """A row of a package must not take a key that means something else."""
    keys = {key for block in (InstructEdits, HostedEdits) for key in block.model_fields}
    instructed = set(EditInstructions.model_fields)
    recipes = yaml.safe_load((Path(attributes.__file__).parent / "assets/recipes/paper.yaml").read_text())
    sections = (keys | set(TOP_KEYS) | set(recipes)) - set(names.ATTRIBUTES)
    assert sections - attributes.RESERVED == set()
    assert instructed == set(names.ATTRIBUTES)
    columns = {name for schema in (EDITS, MANIFEST, DATASET) for name in schema.names}
    assert columns - set(measures.RECEIPT_FIELDS) == measures.TAKEN


def test_every_row_of_this_package_is_whole():
    for row in attributes.every().values():
        assert attributes._problem(row.name, row) is None
        assert measures.problem(row) is None
        assert issubclass(attributes.at_place(row.recipe), object)
    for column, row in measures.every().items():
        assert callable(attributes.at_place(row.function)), column
        assert measures._problem(column, replace(row, default=None)) is None


@pytest.fixture
def weather(monkeypatch):
    """A fourth row."""
    rows = {**attributes.every(), "weather": WEATHER}
    monkeypatch.setattr(attributes, "every", lambda: rows)
    monkeypatch.setattr("varireal.prompts.class_file.TOP_KEYS", (*TOP_KEYS[:-2], "weather", *TOP_KEYS[-2:]))


def test_a_bank_and_prompt_files_take_prompts_of_a_fourth_row(weather, tmp_path):
    arms = {arm: [{"name": f"{arm} rain", "description": "It rains."}] for arm in names.FEASIBILITIES}
    bank = {"dataset": "d", "noun": "bird", "shared": {"weather": arms}}
    (tmp_path / "bank.yaml").write_text(yaml.safe_dump(bank))
    prompts = prompts_for(load_bank(tmp_path / "bank.yaml"), "gull", "Gull")
    assert [prompt.attribute for prompt in prompts] == ["weather", "weather"]
    path = tmp_path / "gull.yaml"
    write_class_file(path, ClassInfo("gull", "Gull"), prompts, origin="bank.yaml")
    assert read_class_file(path) == prompts
    assert "\nweather:\n" in path.read_text()
    write_class_file(tmp_path / "tern.yaml", ClassInfo("tern", "Tern"), [], origin="bank.yaml")
    assert "weather" not in (tmp_path / "tern.yaml").read_text()
    assert "id" in ENTRY_KEYS


def test_a_language_model_is_asked_with_the_words_of_the_row(weather):
    requests = PromptRequests(OpenAIPrompts(), "bird", PromptTemplates(None))
    place, arm = Place("gull", "Gull", "weather"), Arm(3)
    text = requests.next(place, "infeasible", arm, arm).messages[1]["content"]
    assert "Write 3 different infeasible weathers around the bird: ones that do not exist on Earth.\n" in text
    assert "Name no place." in text
    question, _ = requests.judgement(place, [])
    assert "Each prompt is a weather around it." in question.messages[1]["content"]
    assert templates_digest(None, ["color"]) == templates_digest(None)
    assert templates_digest(None, ["color", "weather"]) != templates_digest(None)


def test_a_judge_asks_the_questions_of_the_row(weather, tmp_path):
    config = QuestionsConfig()
    asked = Questions(config, "bird").about(attribute="weather", class_name="gull", name="snow")
    assert 'Is the weather "snow" (present_1)?' in asked["present_1"]
    assert questions_digest(config, ("color",)) == questions_digest(config)
    assert questions_digest(config, ("color", "weather")) != questions_digest(config)
    file = tmp_path / "mine.yaml"
    file.write_text("instruction: '{question} Yes or no?'\n")
    with pytest.raises(ConfigError, match=r"mine.yaml, weather must have exactly present_1"):
        read_questions(QuestionsConfig(file=str(file)), ("weather",))


def test_the_region_of_a_row_is_what_may_change(weather):
    mask = np.zeros((8, 8), bool)
    mask[2:5, 2:5] = True
    picture = np.full((8, 8, 3), 9, np.uint8)
    assert may_change(mask, "weather").all()
    assert (may_change(mask, "color") == mask).all()
    assert settled(np.zeros_like(picture), mask, "weather", picture) is picture


def test_a_recipe_of_a_row_needs_no_section_in_the_presets(weather, monkeypatch):
    """What the presets share and the model's defaults are its values; the rest is the user's."""
    painted = replace(WEATHER, recipe="varireal.config.edits:ColorRecipe")
    rows = {**attributes.every(), "weather": painted}
    monkeypatch.setattr(attributes, "every", lambda: rows)
    mine = {
        "template": "{class} in {prompt}",
        "guidance": 3,
        "steps": 4,
        "strength": 0.5,
        "alpha": 0.1,
        "ip_scale": 0.2,
    }
    recipe = masked_recipe("matched", "pets", "weather", "feasible", {"weather": mine})
    assert (recipe.alpha, recipe.use_negative, recipe.letterbox, recipe.control_steps) == (0.1, True, "bucket", 25)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_that_is_not_finite_is_no_number(monkeypatch, value):
    row = replace(measures.every()["seam_score"], column="odd", function=f"{__name__}:odd")
    monkeypatch.setattr(measures, "every", lambda: {**dict.fromkeys(measures.RECEIPT_FIELDS, row), "odd": row})
    monkeypatch.setattr(measures, "at_place", lambda place: lambda edit: value)
    monkeypatch.setattr(measures, "function_of", lambda column: lambda edit: value)
    picture, mask = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool)
    with pytest.raises(ValueError, match=r"the measure 'odd' gives (nan|inf); expected a finite number, or None"):
        measures.measure(MeasuredEdit(picture, picture, mask, mask, "color", None, mask), {"odd": "oddkit 1"})
