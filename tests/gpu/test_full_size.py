"""The recipes on models of the real sizes with random weights; needs a GPU: ``pytest -m gpu``."""

import sys

import pytest
import torch

from kit import ROOT
from unit.editors.diffusion.sdxl_kit import request
from varireal.metrics.receipts import flat_reason

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"),
]


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import edit_models
    import edits

    places = edit_models.write_models(tmp_path_factory.mktemp("full"), full=True)
    return edits.editor(places, 1024, 2)


@pytest.mark.parametrize("attribute", ["background", "color", "texture"])
def test_a_batch_of_real_size(editor, attribute):
    wanted = [request(attribute, seed=seed, shape=(768, 1024)) for seed in (1, 2)]
    results = editor.edit(wanted)
    for result in results:
        assert result.status == "ok"
        assert result.image.shape == (768, 1024, 3)
        assert result.made_with.dtype in ("bfloat16", "float16")
        assert flat_reason(result.image, result.region) is None
    assert results[0].image.tobytes() != results[1].image.tobytes()
