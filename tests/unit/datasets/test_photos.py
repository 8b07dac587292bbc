import numpy as np
import pytest
from PIL import Image

from varireal.config.images import ReadingConfig
from varireal.datasets.decoding import RejectedImageError, file_sha256, read_photo, reading_key


def row(path):
    return {"path": str(path), "sha256": file_sha256(path)}


def test_the_same_file_is_read_again(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_photo(row(tmp_path / "a.png"), ReadingConfig()).image == pixels).all()


def test_another_file_of_the_same_name_is_noticed(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    old = row(tmp_path / "a.png")
    Image.new("RGB", (40, 40), "blue").save(tmp_path / "a.png")
    with pytest.raises(RejectedImageError, match="changed since"):
        read_photo(old, ReadingConfig())


def test_a_file_that_is_gone_is_noticed(tmp_path):
    with pytest.raises(RejectedImageError):
        read_photo({"path": str(tmp_path / "none.png"), "sha256": "x"}, ReadingConfig())


def test_only_what_moves_pixels_is_in_the_key():
    base = reading_key(ReadingConfig())
    assert reading_key(ReadingConfig(min_side=8, max_pixels=5000)) == base
    assert reading_key(ReadingConfig(max_side=512)) != base
