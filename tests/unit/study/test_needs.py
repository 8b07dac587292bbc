import pytest

from varireal.config.model import parse_config
from varireal.core.registry import backend_names
from varireal.errors import ConfigError
from varireal.study.layout import Layout
from varireal.study.needs import LONGEST, SHORTEST, Needs, classifier_needs, stage_needs, train_photos


def config(**raw):
    return parse_config({"images": {"demo": {"species": ["mallard", "flamingo"]}}, **raw})


def test_what_a_job_of_verdicts_needs():
    asked = [stage_needs(config(verdicts={"judge": judge}), "verdicts", 100) for judge in ("receipt", "openai", "vlm")]
    assert [one.gpu for one in asked] == [0, 0, 1]
    assert sorted(one.mem_mb for one in asked) == [one.mem_mb for one in asked]
    assert stage_needs(config(verdicts={"silhouette": {"segmenter": "grounded_sam2"}}), "verdicts", 1).gpu == 1


@pytest.mark.parametrize(("stage", "photos"), [("masks", 2000), ("edits", 60), ("verdicts", 60)])
def test_time_grows_with_the_shard_and_is_bounded(stage, photos):
    heavy = config(
        masks={"backend": "grounded_sam2"}, edits={"backend": "sdxl", "per_image": 5}, verdicts={"judge": "vlm"}
    )
    few, more, many = (stage_needs(heavy, stage, photos) for photos in (1, photos, 10**7))
    assert SHORTEST <= few.runtime < more.runtime < many.runtime == LONGEST


def test_more_shards_make_shorter_jobs():
    sharded = [stage_needs(config(study={"shards": n}, edits={"backend": "sdxl"}), "edits", 3200) for n in (1, 8, 64)]
    assert sharded[0].runtime > sharded[1].runtime > sharded[2].runtime
    assert len({one.gpu for one in sharded}) == 1


def test_memory_hardly_grows_with_items():
    small, large = (stage_needs(config(), "edits", photos) for photos in (10, 100_000))
    assert large.mem_mb - small.mem_mb < 500


def test_a_photo_more_changes_no_request():
    assert stage_needs(config(), "edits", 100) == stage_needs(config(), "edits", 101)


def test_a_retry_asks_for_more_but_not_for_more_than_a_day():
    assert Needs(1000, 60).again(1) == Needs(1000, 60)
    assert Needs(1000, 60, 1, 2).again(3) == Needs(3000, 180, 1, 2)
    assert Needs(1000, LONGEST).again(2).runtime == LONGEST


@pytest.mark.parametrize(("capability", "block"), [("editors", "edits"), ("judges", "verdicts")])
def test_every_backend_of_the_package_has_a_time(capability, block):
    key = {"edits": "backend", "verdicts": "judge"}[block]
    for name in backend_names(capability):
        assert stage_needs(config(**{block: {key: name}}), block, 1000).runtime >= SHORTEST


def test_every_segmenter_has_a_time():
    for name in backend_names("segmenters"):
        assert stage_needs(config(masks={"backend": name}), "masks", 1000).runtime >= SHORTEST


def test_trainings_of_one_job_run_one_after_another():
    one, four = (classifier_needs(config(), "adapters", runs) for runs in (["a"], ["a", "b", "c", "d"]))
    assert (one.gpu, four.runtime) == (0, 4 * one.runtime)
    assert classifier_needs(config(adapters={"model": "org/clip"}), "predictions", ["a"]).gpu == 1


def test_photos_that_may_be_edited(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train_photos(config(images={"demo": {"species": ["mallard"], "train": 7}})) == 7
    for split, count in (("train", 3), ("test", 2)):
        folder = tmp_path / "photos" / split / "cat"
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number}.jpg").write_bytes(b"x")
    own = config(images={"source": "folder", "folder": {"path": "photos"}}, masks={"backend": "grabcut"})
    assert train_photos(own) == 3
    with pytest.raises(ConfigError):
        train_photos(config(images={"source": "folder", "folder": {"path": "gone"}}, masks={"backend": "grabcut"}))


def test_the_layout_counts_photos_once_and_asks_by_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Layout(config(edits={"backend": "sdxl"}))
    assert made.needs("edits") == stage_needs(made.config, "edits", made.train_photos)
    made.train_photos = 0  # as in a job on a cluster, which asks for nothing any more
    assert made.needs("edits").runtime == SHORTEST
