import cv2

from varireal.config.images import DemoImages
from varireal_demo.birds_source import render_photos

OPTIONS = DemoImages(species=("mallard",), size=48, train=2, val=1, test=1)


def test_every_picture_has_a_mask_of_its_size(tmp_path):
    items = render_photos(OPTIONS, seed=1, folder=tmp_path, workers=1)
    assert [item.split for item in items].count("train") == 2
    assert {item.split for item in items} == {"train", "val", "test", "test_background", "test_plumage"}
    for item in items:
        assert cv2.imread(str(item.path)).shape == (48, 48, 3)
        assert set(cv2.imread(str(item.mask_path), cv2.IMREAD_GRAYSCALE).ravel()) == {0, 255}


def test_finished_pictures_are_not_drawn_again(tmp_path):
    items = render_photos(OPTIONS, seed=1, folder=tmp_path, workers=1)
    before = {item.path: item.path.stat().st_mtime_ns for item in items}
    lost = items[0]
    old = lost.path.read_bytes()
    lost.path.unlink()
    again = render_photos(OPTIONS, seed=1, folder=tmp_path, workers=1)
    after = {item.path: item.path.stat().st_mtime_ns for item in again}
    assert {path for path in before if before[path] != after[path]} == {lost.path}
    assert lost.path.read_bytes() == old


def test_another_seed_or_size_has_other_files(tmp_path):
    one = {item.path for item in render_photos(OPTIONS, seed=1, folder=tmp_path, workers=1)}
    two = {item.path for item in render_photos(OPTIONS, seed=2, folder=tmp_path, workers=1)}
    assert not one & two


def test_more_pictures_keep_the_first_ones(tmp_path):
    few = {item.key: item.path.read_bytes() for item in render_photos(OPTIONS, seed=1, folder=tmp_path, workers=1)}
    more = OPTIONS.model_copy(update={"train": 3})
    many = {item.key: item.path.read_bytes() for item in render_photos(more, seed=1, folder=tmp_path, workers=1)}
    assert len(many) == len(few) + 1
    assert few.items() <= many.items()
