"""Pictures of every class of ``instruct`` against those that are kept, and settings nearby that must not pass."""

import pytest

from golden.comparing import check_picture, kept_picture, psnr
from golden.edits import INSTRUCT, instructed, instructed_request
from golden.models import lively

# As in test_sdxl_golden: equal to the last bit on one machine, and with the other kernels that were tried.
SAME = 60
OTHER = SAME - 10

NEARBY = [
    ("kontext", {"seed": 6}),
    ("kontext", {"guidance": 3.5}),
    ("kontext", {"background": "Put it before {name}."}),
    ("kontext_inpaint", {"seed": 6}),
    ("kontext_inpaint", {"strength": 0.6}),
    ("kontext_inpaint", {"color": "Make it {name}."}),
    ("klein", {"steps": 4}),
    ("klein", {"texture": "Make it of {name}."}),
    ("klein", {"negative": "blurred"}),
    ("klein_inpaint", {"seed": 6}),
    ("klein_inpaint", {"strength": 0.6}),
    ("qwen", {"steps": 3}),
]


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory):
    return lively(tiny_model, tmp_path_factory.mktemp("lively"))


@pytest.mark.parametrize("case", INSTRUCT)
def test_instructions_give_the_kept_pictures(model, tmp_path, case):
    (wanted, inside), name = instructed_request(case), f"edits/instruct_{case}.png"
    found = instructed(model, case)
    check_picture(name, found, tmp_path, bound=SAME, inside=inside)
    for picture in (found, kept_picture(name)):
        assert (picture[~inside] == wanted.image[~inside]).all()


@pytest.mark.parametrize(("case", "change"), NEARBY, ids=str)
def test_another_setting_is_another_picture(model, case, change):
    _, inside = instructed_request(case)
    kept = kept_picture(f"edits/instruct_{case}.png")
    assert psnr(instructed(model, case, **change)[inside], kept[inside]) < OTHER
