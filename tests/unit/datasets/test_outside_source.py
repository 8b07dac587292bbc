"""An image source of another package, from the config to the table of images."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kit import install_package
from varireal.config.generate import schema_json
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, slice_text, stage_slices
from varireal.core.provenance import STAGE_VERSIONS
from varireal.datasets.sources import image_source
from varireal.errors import BackendError, ConfigError
from varireal.stages import images as stage
from varireal.store import tables
from varireal.store.schemas import IMAGES
from varireal.study.layout import Layout
from varireal.study.needs import train_photos
from varireal.tools.plan_amounts import count_items

MODULE = '''
from pathlib import Path
from varireal.records import SourceImage

class Shoebox:
    """Photos in one folder, the class in front of the dash: cat-1.png."""

    name, version = "shoebox", 1

    def __init__(self, folder, split=None, masks=False, bad=None):
        self.files = sorted(Path(folder).glob("*-[0-9].png"))
        self.split, self.masks, self.bad = split, masks, bad

    def class_names(self):
        return sorted({path.name.partition("-")[0] for path in self.files})

    def items(self):
        for path in self.files:
            name = path.name.partition("-")[0]
            mask = path.with_suffix(".mask.png") if self.masks else None
            yield SourceImage(path.name, path, "dog" if self.bad == "class" else name, self.split, mask)
            if self.bad == "twice":
                yield SourceImage(path.name, path, name, None)
            if self.bad == "thing":
                yield path

    def listing_digest(self):
        return f"{len(self.files)} files"

class Empty:
    pass
'''
POINTS = "[varireal.image_sources]\nshoebox = shoebox:Shoebox\nempty = shoebox:Empty\nlost = not_there:Lost\n"


@pytest.fixture
def box(tmp_path, monkeypatch):
    install_package(tmp_path / "site", "shoebox", MODULE, POINTS, version="2.5")
    monkeypatch.syspath_prepend(tmp_path / "site")
    folder = tmp_path / "box"
    folder.mkdir()
    for number, name in enumerate(("cat", "dodo")):
        for k in range(8):
            pixels = np.random.default_rng(10 * number + k).integers(0, 255, (6, 8, 3), np.uint8)
            Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"{name}-{k}.png")
    yield folder
    sys.modules.pop("shoebox", None)


def config(folder, segmenter="grabcut", class_names=None, **options):
    images = {"source": "shoebox", "options": {"folder": str(folder), **options}, "class_names": class_names or {}}
    return parse_config({"images": images, "masks": {"backend": segmenter}})


def test_the_config_knows_it_and_names_it(box):
    assert config(box).images.source == "shoebox"
    with pytest.raises(
        ConfigError,
        match=r"unknown image source 'shoe'; did you mean 'shoebox'. known: .*oxford_pets, shoebox, stanford_cars",
    ):
        parse_config({"images": {"source": "shoe"}})
    assert '"lost"' in schema_json()


def test_options_are_for_sources_of_other_packages():
    with pytest.raises(ConfigError, match=r"'images\.options' are for backends of other packages; 'demo' takes none"):
        parse_config({"images": {"options": {"folder": "box"}}})


def test_no_package_is_imported_to_check_a_config(box):
    parse_config({"images": {"source": "lost"}, "masks": {"backend": "grabcut"}})
    assert "shoebox" not in sys.modules


def test_classes_photos_and_display_names(box):
    source = image_source(config(box, class_names={"dodo": "Raphus cucullatus"}).images)
    assert source.classes() == {"cat": "cat", "raphus-cucullatus": "Raphus cucullatus"}
    assert {item.class_name for item in source.items()} == {"cat", "Raphus cucullatus"}
    assert source.listing_digest() == "16 files"
    with pytest.raises(ConfigError, match="'dod' is not a class of 'shoebox'; did you mean 'dodo'"):
        image_source(config(box, class_names={"dod": "x"}).images).classes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bad": "class"}, r"'cat-0\.png' has the class 'dog', which class_names does not list"),
        ({"bad": "twice"}, r"'cat-0\.png' is listed twice"),
        ({"bad": "thing"}, r"PosixPath\(.*cat-0\.png'\) is no records\.SourceImage"),
        ({"split": "Valid"}, r"'cat-0\.png' has the split 'Valid'; expected train, val"),
    ],
)
def test_what_it_says_is_checked_and_told_in_one_line(box, options, message):
    with pytest.raises(ConfigError, match=rf"^images\.source 'shoebox': {message}") as caught:
        list(image_source(config(box, **options).images).items())
    assert "\n" not in str(caught.value)


def test_a_broken_package_is_named_with_its_entry_point(box):
    for source, message in (
        (
            "lost",
            r"'lost' cannot be imported \(ModuleNotFoundError: No module named 'not_there', package shoebox 2\.5, ",
        ),
        (
            "empty",
            r"'empty' \(package shoebox 2\.5, entry point shoebox:Empty of .*\) has no method 'class_names'",
        ),
    ):
        chosen = parse_config({"images": {"source": source}, "masks": {"backend": "grabcut"}})
        with pytest.raises(BackendError, match=message):
            image_source(chosen.images)
    with pytest.raises(
        BackendError,
        match=r"images\.options\.flder: .*'shoebox' .*has no such option; did you mean 'folder'\? it takes folder",
    ):
        image_source(config(box, flder="x").images)


def test_a_broken_package_is_no_matter_to_a_study_without_it(box):
    assert len(Layout(parse_config({})).classes) == 8


def test_the_stage_images_reads_it(box, tmp_path):
    part = stage_slices(config(box), {})["images"]
    out = {name: tmp_path / f"{name}.parquet" for name in ("output", "rejects")}
    stage.run(part, **out, photos=tmp_path / "photos", store=tmp_path / "store.sqlite")
    rows = tables.read(out["output"], IMAGES)
    assert len(rows) == 16
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert rows[0]["image_id"].startswith("cat")


def test_its_version_and_options_make_the_stage_run_again(box):
    layout = Layout(config(box))
    assert layout.key("images").startswith(f"images v{STAGE_VERSIONS['images']} shoebox v2.5 ")
    slices = [stage_slices(config(box, **options), {})["images"] for options in ({}, {"split": "train"})]
    assert slice_digest(slices[0]) != slice_digest(slices[1])
    assert "options" not in slice_text(stage_slices(parse_config({}), {})["images"])


def test_its_photos_are_counted_for_plans_and_schedulers(box, tmp_path):
    assert train_photos(config(box)) == 16
    assert train_photos(config(box, split="val")) == 0
    amounts = count_items(
        Layout(parse_config(config(box).model_dump(mode="json") | {"study": {"results": str(tmp_path)}}))
    )
    assert amounts.photos == 16


def test_given_masks_are_used_where_it_brings_some(box):
    Layout(config(box, "provided", masks=True))._check_masks()
    with pytest.raises(ConfigError, match=r"masks\.backend is 'provided', but shoebox has none"):
        Layout(config(box, "provided"))._check_masks()


def test_the_demo_is_listed_without_drawing_or_numpy():
    code = (
        "import sys; from varireal.config.model import parse_config; from varireal.study.needs import train_photos\n"
        "print(train_photos(parse_config({})), 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "96 False\n"


def test_the_demo_lists_what_it_renders(tmp_path):
    demo = {"species": ["mallard", "flamingo"], "size": 48, "train": 2, "val": 1, "test": 1}
    source = image_source(parse_config({"images": {"demo": demo}}).images)
    made = list(source.render(tmp_path, seed=1, workers=1))
    assert [(i.key, i.class_name, i.split) for i in source.items()] == [(i.key, i.class_name, i.split) for i in made]
