import pytest

from varireal.config.model import parse_config
from varireal.config.slices import EditsSlice, read_slice, slice_digest, slice_text, stage_slices
from varireal.errors import ConfigError

CLASSES = {"a": "A"}


def digests(raw):
    return {stage: slice_digest(part) for stage, part in stage_slices(parse_config(raw), CLASSES).items()}


def changed(raw):
    before, after = digests({}), digests(raw)
    return {stage for stage in before if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("raw", "stages"),
    [
        ({"verdicts": {"gates": {"color": {"max_leak": 1}}}}, {"verdicts"}),
        ({"edits": {"batch_size": 2}}, {"edits"}),
        ({"edits": {"sdxl": {"size": 512}}}, set()),
        ({"edits": {"backend": "sdxl", "sdxl": {"size": 512}}}, {"edits"}),
        ({"machine": {"dtype": "float32"}}, {"machine"}),
        ({"machine": {"grace_seconds": 5}}, {"machine", "server"}),
        ({"verdicts": {"openai": {"server": {"base_url": "http://x/v1"}}}}, {"machine"}),
        ({"edits": {"rounds": 3}}, {"edits", "dataset", "report"}),
        ({"report": {"title": "x"}}, {"report"}),
        ({"dataset": {"license": "CC0-1.0"}}, {"dataset"}),
        ({"masks": {"smooth_px": 1}}, {"masks"}),
        ({"masks": {"grabcut": {"iterations": 2}}}, set()),  # options of a backend that is not chosen
        ({"images": {"csv": {"path": "x"}}}, set()),
        ({"images": {"demo": {"size": 64}}}, {"images"}),
        ({"study": {"shards": 4}}, {"dataset", "adapters", "report"}),
        ({"study": {"seed": 1}}, {"images", "edits", "dataset", "adapters", "report"}),
        ({"adapters": {"jobs": 3}}, set()),  # which job trains what changes nothing
        ({"adapters": {"seeds": 5}}, {"report"}),
        ({"adapters": {"all_of": ["color", "texture"]}}, {"adapters", "report"}),
        ({"adapters": {"training": {"steps": 7}}}, {"adapters", "report"}),
        ({"adapters": {"class_prompt": "{class}"}}, {"adapters", "predictions", "report"}),
        ({"statistics": {"margin_points": 1}}, {"report"}),
        ({"prompts": {"openai": {"model": "m"}}}, set()),  # options of a source that is not chosen
        ({"prompts": {"openai": {"server": {"traffic": {"concurrency": 3}}}}}, {"server"}),
        ({"prompts": {"source": "openai"}}, {"prompts", "report"}),
    ],
)
def test_a_key_changes_only_the_stages_that_see_it(raw, stages):
    assert changed(raw) == stages


def test_a_slice_survives_its_file(tmp_path):
    part = stage_slices(parse_config({"edits": {"per_image": 3}}), CLASSES)["edits"]
    path = tmp_path / "edits.json"
    path.write_text(slice_text(part))
    assert read_slice(path, EditsSlice) == part


def test_a_wrong_file_is_explained(tmp_path):
    path = tmp_path / "edits.json"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_slice(path, EditsSlice)
    path.write_text('{"seed": 1}')
    with pytest.raises(ConfigError, match=r"edits\.json: .*missing"):
        read_slice(path, EditsSlice)
