"""Growing without loss: what is added to the package later makes nothing of a finished study again."""

from typing import Annotated

import pyarrow as pa
import pytest
import yaml
from pydantic import Field, create_model

from varireal import attributes, names
from varireal.attributes import Attribute
from varireal.backends import BackendContext
from varireal.config import edits
from varireal.config.adapters import TrainingSettings
from varireal.config.base import Added
from varireal.config.hosted import OpenAIPrompts
from varireal.config.masks import GrabCutMasks
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.config.verdicts import QuestionsConfig, ReviewConfig, SilhouetteCheck
from varireal.errors import ConfigError, DataError
from varireal.judges.questions import Questions, questions_digest, read_questions
from varireal.records import Prompt
from varireal.store import tables
from varireal.study.jobs import STAGES
from varireal.study.layout import Layout

PROMPT = Prompt("p", "c", "color", "feasible", "brown", "A brown coat.")
SERVER = {"base_url": "http://127.0.0.1:1/v1"}


def grown(model, **fields):
    """A block as a later version has it: one key or instruction more."""
    return create_model(f"Later{model.__name__}", __base__=model, **fields)


def know_weather(monkeypatch) -> None:
    """An attribute more in the table, as a later version or a package brings it."""
    rows = {**attributes.every(), "weather": Attribute(name="weather", title="weather", region="whole")}
    monkeypatch.setattr(attributes, "every", lambda: rows)


WEATHER = (Annotated[edits.Template, Field(description="Weather.")], "Let it {prompt}.")
DITHER = (Annotated[bool, Field(description="A key."), Added(before=False)], True)


@pytest.mark.parametrize("source", ["bank", "openai"])
def test_an_attribute_more_adds_jobs_and_changes_no_other_stage(source):
    """Edits and trainings are told apart by their keys, so theirs may run again: nothing of it is computed again."""

    def study(**adapters):
        wanted = ["color", "texture", *(["background"] if adapters else [])]
        prompts = {"source": source, "openai": {"model": "m", "server": SERVER}}
        return Layout(parse_config({"edits": {"attributes": wanted}, "prompts": prompts, "adapters": adapters}))

    before, after = study(), study(all_of=["color", "texture"])
    digests = [
        {stage: slice_digest(part) for stage, part in stage_slices(one.config, one.classes).items()}
        for one in (before, after)
    ]
    changed = {stage for stage, digest in digests[0].items() if digests[1][stage] != digest}
    asked = {"prompts"} if source == "openai" else set()
    assert changed == {"edits", "dataset", "adapters", "report", *asked}
    runs = [set(one.shape.runs) for one in (before, after)]
    assert {run for run in runs[1] if "background" not in run} == runs[0]
    assert {run.split("/")[0] for run in runs[1] - runs[0]} == {
        f"real+synthetic-background-{arm}" for arm in names.FEASIBILITIES
    }
    jobs = [
        {job.output for stage in STAGES if stage != "adapters" for job in one.jobs(stage)} for one in (before, after)
    ]
    assert {path for path in jobs[1] - jobs[0] if "background" not in path} == set()


@pytest.mark.parametrize("name", ["instruct", "openai_images"])
def test_an_instruction_more_changes_no_key_of_the_others(name, monkeypatch, tmp_path):
    from varireal.editors.instruct import InstructEditor
    from varireal.editors.openai_images import HostedEditor

    block = {"instruct": edits.InstructEdits, "openai_images": edits.HostedEdits}[name]

    def params(settings):
        if name == "instruct":
            return InstructEditor(settings, BackendContext(noun="bird")).params(PROMPT)
        return HostedEditor(settings, settings.server, "bird", None, grace=1.0).params(PROMPT)

    before = params(block())
    more = grown(edits.EditInstructions, weather=WEATHER)
    monkeypatch.setattr(f"varireal.editors.{name}.EditInstructions", more)
    later = grown(block, weather=WEATHER)
    assert params(later()) == before
    assert params(later(weather="Make it {prompt}.")) == before
    with_key = grown(block, dither=DITHER)
    assert params(with_key(dither=False)) == before
    assert params(with_key()) != before


def test_a_key_added_to_a_backend_that_is_not_chosen_runs_nothing_again():
    config = parse_config({})
    later = grown(type(config.edits.instruct), dither=DITHER)()
    assert "dither" in later.model_dump()
    grown_edits = config.edits.model_copy(update={"instruct": later})
    assert later.as_before().for_keys() == config.edits.instruct.for_keys()
    slices = stage_slices(config.model_copy(update={"edits": grown_edits}), {"a": "a"})
    assert slices["edits"] == stage_slices(config, {"a": "a"})["edits"]


@pytest.mark.parametrize(
    ("block", "key", "place"),
    [
        (OpenAIPrompts, "count", "prompts.prompts.openai"),
        (QuestionsConfig, "min_mass", "verdicts.verdicts.questions"),
        (SilhouetteCheck, "min_iou", "verdicts.verdicts.silhouette"),
        (ReviewConfig, "path", "dataset.reviewed"),
        (TrainingSettings, "steps", "predictions.model.training"),
        (edits.PictureTraffic, "tries", "edits.edits.openai_images.server.traffic"),
        (GrabCutMasks, "iterations", "masks.masks.grabcut"),
    ],
)
def test_a_block_that_a_study_does_not_use_is_in_its_slices_as_it_was(block, key, place, monkeypatch):
    """Its new key may change what others get by default, and runs nothing of this study again."""

    def told() -> dict:
        found = {stage: part.for_keys() for stage, part in stage_slices(parse_config({}), {"a": "a"}).items()}
        for name in place.split("."):
            found = found[name]
        return found

    before = told()
    assert key in before
    field = block.model_fields[key]
    monkeypatch.setattr(field, "metadata", [*field.metadata, Added(before="what the code did before")])
    assert told() == {name: value for name, value in before.items() if name != key}


def texts(*attributes: str) -> dict:
    keys = ("present_1", "present_2", "feasible_1", "feasible_2")
    about = {key: {"ask": f"Is it {{name}} ({key})?", "twin": f"Is it not {{name}} ({key})?"} for key in keys}
    return {"instruction": "{question} Yes or No?", **dict.fromkeys(attributes, about)}


@pytest.fixture
def question_file(tmp_path):
    def write(value) -> QuestionsConfig:
        path = tmp_path / "questions.yaml"
        path.write_text(value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False))
        return QuestionsConfig(file=str(path))

    return write


def test_questions_are_asked_for_the_attributes_of_the_study_alone(question_file, monkeypatch):
    know_weather(monkeypatch)
    config = question_file(texts("color"))
    assert read_questions(config, ("color",))
    assert "brown" in Questions(config, "bird").about(attribute="color", class_name="gull", name="brown")["present_1"]
    for attribute in ("texture", "weather"):
        with pytest.raises(ConfigError, match=f"questions.yaml, {attribute} must have exactly present_1"):
            read_questions(config, ("color", attribute))
    raw = {
        "edits": {"attributes": ["color"]},
        "verdicts": {"judge": "openai", "openai": {"model": "m", "server": SERVER}, "questions": config.model_dump()},
    }
    Layout(parse_config(raw)).check()
    with pytest.raises(ConfigError, match="texture must have exactly"):
        Layout(parse_config(raw | {"edits": {"attributes": ["color", "texture"]}})).check()


@pytest.mark.parametrize("where", ["last", "first", "between"])
def test_questions_about_an_attribute_that_came_later_run_nothing_again(where, question_file, monkeypatch):
    whole = yaml.safe_dump(texts("background", "color", "texture"), sort_keys=False)
    section = yaml.safe_dump(texts("weather"), sort_keys=False).partition("weather:")[2]
    place = {"last": len(whole), "first": 0, "between": whole.index("color:")}[where]
    more = f"{whole[:place]}weather:{section}{whole[place:]}"
    published = names.PUBLISHED_ATTRIBUTES
    before = questions_digest(question_file(whole), published)
    know_weather(monkeypatch)
    later = question_file(more)
    assert questions_digest(later, published) == before
    assert questions_digest(later, ("color",)) == before
    assert questions_digest(later, (*published, "weather")) != before
    assert questions_digest(question_file(more.replace("Is it {name}", "Is this {name}")), ("color",)) != before


def test_prompts_that_a_bank_gets_for_a_later_attribute_run_nothing_again(tmp_path, monkeypatch):
    path = tmp_path / "bank.yaml"

    def digest(bank: dict, *attributes: str) -> str:
        path.write_text(yaml.safe_dump(bank, sort_keys=False))
        demo = {"source": "demo", "demo": {"species": ["mallard"]}}
        raw = {"images": demo, "edits": {"attributes": list(attributes)}, "prompts": {"bank": {"path": str(path)}}}
        return Layout(parse_config(raw)).bank_digest("mallard")

    arms = {arm: [{"name": f"{arm} thing", "description": "A plain sentence."}] for arm in names.FEASIBILITIES}
    bank = {"dataset": "d", "noun": "bird", "classes": {"mallard": dict.fromkeys(names.PUBLISHED_ATTRIBUTES, arms)}}
    before = {attributes: digest(bank, *attributes) for attributes in (names.PUBLISHED_ATTRIBUTES, ("texture",))}
    know_weather(monkeypatch)
    more = bank | {"classes": {"mallard": bank["classes"]["mallard"] | {"weather": arms}}}
    assert {attributes: digest(more, *attributes) for attributes in before} == before
    less = bank | {"classes": {"mallard": {k: v for k, v in bank["classes"]["mallard"].items() if k != "color"}}}
    assert digest(less, "texture") != before["texture",]


SCHEMA = pa.schema(
    [tables.column("name", pa.string(), "who", nullable=False), tables.column("size", pa.int64(), "px")]
)
LATER = SCHEMA.append(tables.column("blur", pa.float64(), "how blurred")).append(
    tables.column("notes", pa.list_(pa.string()), "what else")
)
NEEDED = SCHEMA.append(tables.column("kind", pa.string(), "which", nullable=False))


def test_a_table_that_lacks_a_column_added_later_is_read_with_nulls(tmp_path):
    path = tmp_path / "t.parquet"
    rows = [{"name": f"n{number}", "size": number} for number in range(150)]
    tables.write(path, rows, SCHEMA, stage="edits", digest="d")
    empty = {"blur": None, "notes": None}
    assert tables.read(path, LATER) == [row | empty for row in rows]
    assert tables.read(path, LATER, ["notes", "name"])[0] == {"notes": None, "name": "n0"}
    assert tables.read(path, LATER, ["blur"]) == [{"blur": None}] * 150
    assert list(tables.stream(path, LATER, at_once=7)) == [row | empty for row in rows]
    assert list(tables.stream(path, LATER, ["blur"])) == [{"blur": None}] * 150
    assert tables.read_columns(path, LATER, ["blur", "size"]).column_names == ["blur", "size"]
    found = list(tables.picked(path, LATER, LATER.names, key="name", wanted={"n3", "n149"}))
    assert found == [rows[3] | empty, rows[149] | empty]
    assert tables.count(path, LATER) == 150
    assert tables.origin(path, LATER)["config"] == "d"


def test_a_table_that_lacks_a_column_that_may_not_be_empty_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    tables.write(path, [{"name": "x", "size": 1}], SCHEMA, stage="edits", digest="d")
    with pytest.raises(DataError, match="column 'kind' is missing"):
        tables.read(path, NEEDED)
