"""The stage edits with models that follow an instruction, on this machine and hosted."""

import pytest

from edits_kit import FAST, NAMES, Study, hosted
from image_server import ImageServer
from varireal.errors import BackendError
from varireal.hosted.money import BudgetReachedError
from varireal.store import tables
from varireal.store.schemas import EDITS


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


@pytest.fixture
def local(tiny_model):
    """The block of edits for a model of this machine."""
    settings = {"model": {"id": str(tiny_model("flux_kontext"))}, "steps": 2, "size": 64}
    return lambda **more: {"backend": "instruct", "instruct": settings | more}


@pytest.mark.parametrize("attribute", NAMES)
def test_a_local_model_edits_every_attribute_and_a_second_run_loads_none(study, local, attribute, monkeypatch):
    summary, rows = study.run(attribute, local(), device="cpu")
    study.check(attribute, rows)
    assert summary.computed == 3
    assert rows[0]["backend_version"].startswith("1 flux_kontext")
    assert (rows[0]["dtype"], rows[0]["device"], rows[0]["marks"]) == ("float32", "cpu", [])
    told = tables.origin(study.folder / f"{attribute}.parquet", EDITS)["models"]["color"]
    assert told["edits.instruct.model"].startswith("flux_kontext")
    written = (study.folder / f"{attribute}.parquet").read_bytes()

    def never(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("varireal.editors.instruct_models.load_part", never)
    summary, _ = study.run(attribute, local(), device="cpu")
    assert summary.computed == 0
    assert (study.folder / f"{attribute}.parquet").read_bytes() == written


def test_the_batch_of_the_machine_changes_no_key(study, local):
    study.run("color", local(), device="cpu")
    summary, _ = study.run("color", local(), device="cpu", batch_size=3)
    assert summary.computed == 0
    summary, _ = study.run("color", local(texture="Cover it with {name}."), device="cpu")
    assert summary.computed == 0
    summary, rows = study.run("color", local(color="Paint it {name}."), device="cpu", batch_size=3)
    assert (summary.computed, {row["batch_size"] for row in rows}) == (3, {3})


def test_a_model_that_cannot_be_used_ends_the_stage_in_one_line(study, local, tiny_model):
    with pytest.raises(BackendError, match=r"^edits\.instruct\.model: .*StableDiffusionXLPipeline.*not supported"):
        study.run("color", local(model={"id": str(tiny_model("sdxl"))}), device="cpu")


@pytest.mark.parametrize("attribute", NAMES)
def test_a_hosted_model_edits_every_attribute_and_a_second_run_sends_nothing(study, attribute):
    with ImageServer() as server:
        summary, rows = study.run(attribute, hosted(server))
        study.check(attribute, rows)
        assert (summary.computed, len(server.forms)) == (3, 3)
        assert NAMES[attribute] in server.forms[0]["prompt"]
        assert (rows[0]["backend_version"], rows[0]["device"]) == ("1 gpt-image-1", "hosted")
        summary, _ = study.run(attribute, hosted(server, server={"usd_per_image": 0.1}))
        assert (summary.computed, len(server.forms)) == (0, 3)


def test_the_budget_ends_the_stage_and_what_was_bought_is_used(study):
    def block(server, usd):
        priced = {"usd_per_image": 0.04, "budget": {"usd": usd}, "traffic": FAST | {"concurrency": 1}}
        return hosted(server, server=priced)

    with ImageServer() as server:
        with pytest.raises(BudgetReachedError, match="raise it and run the same command again"):
            study.run("color", block(server, 0.1))
        assert len(server.forms) == 2
        _, rows = study.run("color", block(server, 0.2))
        assert len(server.forms) == 3
        study.check("color", rows)


def test_refusals_are_rows(study):
    def script(form, number):
        if number:
            return None
        return 400, {"error": {"message": "no", "code": "content_policy_violation"}}, {}

    with ImageServer(script=script) as server:
        block = hosted(server, server={"traffic": FAST | {"concurrency": 1}})
        summary, rows = study.run("color", block)
    assert summary.counts == {"ok": 2, "edit_failed": 1}
    assert rows[0]["reason"].startswith("refused: ")
