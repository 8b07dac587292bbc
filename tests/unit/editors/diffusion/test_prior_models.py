"""Prior pictures by every family of text-to-image models that the docs name."""

import numpy as np
import pytest
import torch

from tiny import priors
from unit.editors.diffusion.sdxl_kit import make_editor, request, tiny_models
from varireal.config.machine import ModelRef


@pytest.fixture(params=sorted(priors.MAKERS))
def models(request, tiny_model, tmp_path):
    torch.manual_seed(1)
    priors.MAKERS[request.param](tmp_path)
    return tiny_models(tiny_model).model_copy(update={"prior": ModelRef(id=str(tmp_path))})


def test_a_family_makes_the_priors_of_a_pool(models):
    editor = make_editor(models, pool_size=2)
    pool = editor.pool(request("background").prompt, "Bombay", 22)
    pictures = editor.make_priors(pool)
    assert [(picture.shape[:2], picture.dtype) for picture in pictures] == [((64, 64), np.uint8)] * 2
    assert pictures[0].tobytes() != pictures[1].tobytes()
    assert all(picture.std() > 0 for picture in pictures)
    again = make_editor(models, pool_size=2).make_priors(pool)
    assert [picture.tobytes() for picture in again] == [picture.tobytes() for picture in pictures]
