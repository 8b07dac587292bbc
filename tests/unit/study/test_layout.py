from pathlib import Path

import pytest

from varireal.config.model import parse_config
from varireal.core.provenance import STAGE_VERSIONS
from varireal.errors import ConfigError
from varireal.prompts.bank import shipped_bank
from varireal.study.layout import Layout


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def layout(**raw):
    base = {"images": {"demo": {"species": ["mallard", "flamingo"]}}}
    return Layout(parse_config({**base, **raw}))


def test_classes_come_from_the_source():
    assert layout().classes == {"flamingo": "flamingo", "mallard": "mallard"}


def test_folders_are_classes(tmp_path):
    for name in ("Yorkshire terrier", "a{b}"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        (folder / "x.jpg").write_bytes(b"x")
    raw = {"images": {"source": "folder", "folder": {"path": "photos"}}, "masks": {"backend": "grabcut"}}
    found = layout(**raw).classes
    assert set(found.values()) == {"Yorkshire terrier", "a{b}"}
    assert found["yorkshire-terrier"] == "Yorkshire terrier"
    assert all("{" not in class_id for class_id in found)


def test_listing_digest_notices_files(tmp_path):
    folder = tmp_path / "photos" / "a"
    folder.mkdir(parents=True)
    (folder / "x.jpg").write_bytes(b"x")
    raw = {"images": {"source": "folder", "folder": {"path": "photos"}}, "masks": {"backend": "grabcut"}}
    before = layout(**raw).listing_digest
    assert layout(**raw).listing_digest == before
    (folder / "y.jpg").write_bytes(b"y")
    assert layout(**raw).listing_digest != before


def test_keys_change_with_the_slice_only():
    assert layout().key("edits") == layout(report={"title": "x"}).key("edits")
    assert layout().key("report") != layout(report={"title": "x"}).key("report")
    assert layout().key("edits").startswith(f"edits v{STAGE_VERSIONS['edits']} ")


def test_prompt_digests_are_known_before_the_files_exist(tmp_path):
    before = layout()
    digest = before.prompts_digest("color", "feasible")
    assert digest != before.prompts_digest("color", "infeasible")
    bank = tmp_path / "bank.yaml"
    bank.write_text(shipped_bank("demo_birds").read_text())
    own = layout(prompts={"bank": {"path": str(bank)}})
    same = own.prompts_digest("color", "feasible")
    bank.write_text(bank.read_text().replace("neon green", "neon yellow", 1))
    changed = layout(prompts={"bank": {"path": str(bank)}})
    assert changed.prompts_digest("color", "feasible") == same
    assert changed.prompts_digest("color", "infeasible") != own.prompts_digest("color", "infeasible")


@pytest.mark.parametrize("results", ["~/x", "config.yaml/x", "/proc/nope"])
def test_a_place_that_takes_no_results_is_refused(results, tmp_path):
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"study\.results"):
        layout(study={"results": results}).check()


def test_a_list_without_masks_cannot_provide_them(tmp_path):
    (tmp_path / "list.csv").write_text("path,class,split\na.png,mallard,train\n")
    images = {"source": "csv", "csv": {"path": "list.csv"}}
    with pytest.raises(ConfigError, match="names no mask"):
        layout(images=images).check()
    layout(images=images, masks={"fallback": ["grabcut"]}).check()


def test_a_chain_of_masks_has_the_versions_of_all_and_asks_for_a_gpu_by_any():
    plain, chain = layout(), layout(masks={"fallback": ["grabcut", "grounded_sam2"]})
    assert chain.key("masks").startswith("masks v2 provided v1 grabcut v1 grounded_sam2 v1 ")
    assert (plain.needs("masks").gpu, chain.needs("masks").gpu) == (0, 1)


def test_dag_size_is_bounded():
    """200 classes x 100 photos x 30 edits in 5,000 jobs at most: jobs depend on shards, settings and rounds."""
    big = layout(study={"shards": 64}, edits={"per_image": 5, "rounds": 6})
    assert len(big.jobs("edits")) + len(big.jobs("verdicts")) + len(big.shards) < 5000


def test_check_finds_classes_without_prompts():
    with pytest.raises(ConfigError, match="flamingo"):
        layout(prompts={"bank": {"path": "everyday"}}).check()


def test_check_passes_for_the_demo():
    layout().check()


def test_every_path_is_under_the_study():
    made = layout(study={"name": "x", "results": "out/"})
    assert made.paths.root == "out/x"
    for path in [*made.outputs("edits"), *made.all_prompts(), made.paths.images, made.paths.store("s")]:
        assert Path(path).is_relative_to("out/x")


def test_files_that_the_config_only_names_are_in_the_keys(tmp_path):
    review = tmp_path / "review.csv"
    review.write_text("candidate_id,feasible\na,yes\n")
    before = layout(verdicts={"judge": "vlm", "reviewed": {"path": "review.csv"}})
    keys = {stage: before.key(stage) for stage in ("verdicts", "dataset", "report")}
    review.write_text("candidate_id,feasible\na,no\n")
    after = layout(verdicts={"judge": "vlm", "reviewed": {"path": "review.csv"}})
    assert [stage for stage, key in keys.items() if after.key(stage) != key] == ["dataset"]
    paper = layout(verdicts={"judge": "vlm", "reviewed": {"path": "review.csv"}, "questions": {"preset": "paper"}})
    assert "questions" in paper.key("verdicts")
    assert paper.key("verdicts") != after.key("verdicts")


def test_a_review_or_questions_that_are_not_there_are_told_before_any_job():
    with pytest.raises(ConfigError, match=r"verdicts\.reviewed\.path: gone\.csv cannot be read"):
        layout(verdicts={"judge": "openai", "reviewed": {"path": "gone.csv"}}).check()
    with pytest.raises(ConfigError, match=r"verdicts\.questions\.file: gone\.yaml cannot be read"):
        layout(verdicts={"judge": "openai", "questions": {"file": "gone.yaml"}}).check()
    layout(verdicts={"reviewed": {"path": "gone.csv"}}).check()  # the receipt asks nobody


def test_another_look_at_silhouettes_is_in_the_key():
    looks = layout(verdicts={"silhouette": {"segmenter": "grounded_sam2"}})
    assert "grounded_sam2 v" in looks.key("verdicts")


def test_the_feasibility_score_is_a_result_only_where_a_model_judges():
    assert layout().score_files() == []
    assert [path.rpartition("/")[2] for path in layout(verdicts={"judge": "vlm"}).score_files()] == [
        "feasibility.parquet",
        "feasibility.csv",
    ]


def test_settings_may_be_left_out_by_class_or_for_all():
    of_two = layout(prompts={"minimum": 999, "leave_out": ["texture/feasible", "mallard/color/infeasible"]})
    assert [len(of_two.wanted_prompts(class_id)) for class_id in ("flamingo", "mallard")] == [5, 4]
    left = {(p.attribute, p.feasibility) for p in of_two.bank_prompts["mallard"]}
    assert len(left) == 4
    with pytest.raises(ConfigError, match="different prompts, 999 are needed"):
        of_two.check()  # of the settings that are not left out
    every = [f"{attribute}/{arm}" for attribute, arm in layout().settings]
    layout(prompts={"minimum": 999, "leave_out": every}).check()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("textures/feasible", "no setting of this study; did you mean 'texture/feasible'"),
        ("malard/texture/feasible", "no class has the id 'malard'; did you mean 'mallard'"),
    ],
)
def test_what_is_left_out_must_be_there(entry, problem):
    with pytest.raises(ConfigError, match=problem):
        layout(prompts={"leave_out": [entry]}).check()


def test_keys_of_before_stay_while_nothing_is_left_out():
    assert layout().key("prompts") == layout(prompts={"leave_out": []}).key("prompts")
    assert layout().key("prompts") != layout(prompts={"leave_out": ["color/feasible"]}).key("prompts")
    asked = {"source": "openai", "openai": {"model": "m", "embedding_model": "e"}}
    there = asked | {"openai": asked["openai"] | {"embedding_server": {"base_url": "http://elsewhere/v1"}}}
    assert layout(prompts=asked).key("prompts") == layout(prompts=there).key("prompts")
