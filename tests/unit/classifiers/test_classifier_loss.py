import numpy as np
import pytest
import torch

from varireal.classifiers.batches import Batch, mixed, picture_weights, weighted_loss
from varireal.config.adapters import TrainingSettings

LOGITS = np.array([[2.0, 0.0, -1.0], [0.5, 0.1, 0.2], [0.0, 3.0, 1.0], [1.0, 1.0, 1.0], [0.0, -2.0, 4.0]])
LABELS = [0, 2, 1, 0, 1]


def by_hand(rows) -> float:
    """Mean cross entropy of some rows."""
    return float(np.mean([np.log(np.exp(LOGITS[row]).sum()) - LOGITS[row, LABELS[row]] for row in rows]))


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_the_halves_are_weighted_whatever_their_sizes(weight):
    wanted = weight * by_hand([0, 1]) + (1 - weight) * by_hand([2, 3, 4])
    for targets in (torch.tensor(LABELS), torch.eye(3, dtype=torch.float64)[LABELS]):
        found = weighted_loss(torch.tensor(LOGITS), targets, picture_weights(5, 2, weight)).item()
        assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("real", [0, 5])
def test_one_kind_alone_has_the_whole_weight(real):
    found = weighted_loss(torch.tensor(LOGITS), torch.tensor(LABELS), picture_weights(5, real, 0.3)).item()
    assert found == pytest.approx(by_hand(range(5)), abs=1e-6)


def batch() -> Batch:
    """Real pictures of classes 0 and 1, synthetic ones of classes 2 and 3; a picture's value is its class."""
    labels = torch.tensor([0, 1, 0, 1, 2, 3, 2, 3])
    pictures = labels.float().view(-1, 1, 1, 1).expand(-1, 3, 16, 16).contiguous()
    return Batch(pictures, labels, 4, tuple("abcdefgh"))


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_mixed_targets_are_the_shares_of_the_pictures(way):
    settings = TrainingSettings(**{way: 1.0})
    shares = []
    for step in range(20):
        given = batch()
        pictures, targets = mixed(given, step, 7, 4, settings)
        assert torch.allclose(targets.sum(1), torch.ones(8), atol=1e-6)
        assert torch.allclose(targets @ torch.arange(4.0), pictures.mean((1, 2, 3)), atol=1e-5)
        assert not targets[:4, 2:].any()  # real ones are mixed with real ones
        assert not targets[4:, :2].any()
        assert torch.equal(given.pictures, batch().pictures)
        shares += targets.max(1).values.tolist()
        again = mixed(given, step, 7, 4, settings)
        assert torch.equal(again[0], pictures)
    assert 0.5 <= min(shares) < 0.8
    if way == "cutmix":
        assert set(pictures.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}


def test_nothing_is_mixed_by_default():
    given = batch()
    pictures, targets = mixed(given, 0, 7, 4, TrainingSettings())
    assert pictures is given.pictures
    assert targets is given.labels


def test_the_share_of_mixed_steps_is_the_configured_one():
    settings = TrainingSettings(mixup=0.2, cutmix=0.3)
    plain = sum(mixed(batch(), step, 7, 4, settings)[1].ndim == 1 for step in range(400))
    assert 160 < plain < 240
