import numpy as np

from edit_photos import photo, shape
from varireal.editors.regions import recompose


def test_what_is_not_the_rim_stays_to_the_byte(any_photo):
    image, mask = any_photo
    given = image.copy()
    result = recompose(image, mask)
    assert result.dtype == np.uint8
    assert result is not image
    assert np.array_equal(image, given)
    changed = (result != image).any(-1)
    assert not changed[~mask].any()
    middle = np.roll(mask, 4, 0) & np.roll(mask, -4, 0) & np.roll(mask, 4, 1) & np.roll(mask, -4, 1)
    assert middle.sum() > 1000
    assert not changed[middle].any()


def test_the_rim_changes_a_little():
    image, mask = photo((0.93, 0.92, 0.9))
    difference = np.abs(recompose(image, mask).astype(int) - image)[mask]
    assert difference.any()
    assert difference.mean() < 2


def test_it_is_the_same_each_time(any_photo):
    assert np.array_equal(recompose(*any_photo), recompose(*any_photo))


def test_masks_at_the_border_and_over_the_whole_photo():
    image, _ = photo((0.5, 0.5, 0.5))
    whole = np.ones(image.shape[:2], bool)
    assert np.array_equal(recompose(image, whole), image)
    corner = np.zeros_like(whole)
    corner[:5, :7] = True
    result = recompose(image, corner)
    assert np.array_equal(result[~corner], image[~corner])
    one = np.zeros_like(whole)
    one[40, 40] = True
    assert recompose(image, one).shape == image.shape


def test_another_background_does_not_stay_at_the_rim():
    """The hole is filled from outside, so an object before plain ground ends up before that ground."""
    mask = shape()
    image = np.where(mask[..., None], np.uint8([200, 40, 40]), np.uint8([40, 90, 40]))
    result = recompose(image, mask)
    assert np.array_equal(result[~mask], image[~mask])
    assert (result[mask][:, 0] >= 35).all()
    assert (result[mask][:, 0] <= 205).all()
