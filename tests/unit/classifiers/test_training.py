import dataclasses
import re

import pytest
import tiny_clips
import torch

from varireal.classifiers import training
from varireal.classifiers.lora import add_lora, lean_text_features, lora_parameters
from varireal.classifiers.training import Trainer
from varireal.config.adapters import LoraSettings, TrainingSettings
from varireal.errors import BackendError
from varireal.running.job_record import JobRecord, recorded

SETTINGS = TrainingSettings(steps=8, batch_size=4, validate_every=3, learning_rate=0.01, checkpoint="val")


class KilledError(Exception):
    pass


def trainer(clip, settings=SETTINGS, seed=1, **job) -> Trainer:
    batches = tiny_clips.make_batches(clip, settings, seed)
    return Trainer(clip, tiny_clips.make_job(clip, settings, seed, **job), batches)


def nothing(state: bytes) -> None:
    raise AssertionError("saved too early")


def weights(clip) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in lora_parameters(clip).items()}


def same(one, two) -> bool:
    assert one.keys() == two.keys()
    return all(torch.equal(value, two[name]) for name, value in one.items())


@pytest.fixture
def trainable(clip):
    add_lora(clip, LoraSettings())
    return clip


def fresh(clip_folders):
    clip = tiny_clips.load(clip_folders["open_clip"])
    add_lora(clip, LoraSettings())
    return clip


def test_training_lowers_the_loss_and_moves_only_the_updates(trainable):
    before = {name: value.clone() for name, value in trainable.model.state_dict().items()}
    settings = SETTINGS.model_copy(update={"steps": 25, "augmentation": "none"})
    log = trainer(trainable, settings).run(None, nothing)
    assert sum(log.losses[-5:]) < 0.8 * sum(log.losses[:5])
    moved = {name for name, value in trainable.model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert moved <= set(lora_parameters(trainable))
    assert len(log.losses) == 25
    assert log.val_steps == [0, 3, 6, 9, 12, 15, 18, 21, 24, 25]


@pytest.mark.parametrize("killed_after", [1, 4, 7])
@pytest.mark.parametrize("mixing", [{}, {"mixup": 0.5, "cutmix": 0.5}], ids=["plain", "mixed"])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    clip_folders, trainable, killed_after, mixing, monkeypatch
):
    settings = SETTINGS.model_copy(update=mixing)
    whole = trainer(trainable, settings).run(None, nothing)
    wanted = weights(trainable)

    states = []

    def kill(state):
        states.append(state)
        if len(states) == killed_after:
            raise KilledError

    interrupted = fresh(clip_folders)
    with pytest.raises(KilledError):
        trainer(interrupted, settings).run(None, kill, seconds=0)
    resumed = fresh(clip_folders)
    torch.manual_seed(99)
    record = JobRecord(None, {})
    shares = []
    monkeypatch.setattr(record, "within", lambda share, *, begins=False: shares.append((share, begins)))
    with recorded(record):
        log = trainer(resumed, settings).run(states[-1], nothing)
    steps = settings.steps
    assert shares == [(killed_after / steps, True), *((n / steps, False) for n in range(killed_after + 1, steps + 1))]
    assert same(weights(resumed), wanted)
    assert dataclasses.asdict(log) == dataclasses.asdict(whole)


def test_an_adapter_depends_on_its_seed_alone(trainable):
    trainer(trainable, seed=1).run(None, nothing)
    first = weights(trainable)
    trainer(trainable, seed=2).run(None, nothing)
    other = weights(trainable)
    torch.rand(17)
    trainer(trainable, seed=1).run(None, nothing)
    assert same(weights(trainable), first)
    assert not same(other, first)


def test_a_training_starts_with_updates_of_zero(trainable):
    zero = tiny_clips.class_logits(trainable)
    trainer(trainable).run(None, nothing)
    trained = tiny_clips.class_logits(trainable)
    assert not torch.equal(trained, zero)
    trainer(trainable)
    assert torch.equal(tiny_clips.class_logits(trainable), zero)
    assert all(value.any() for name, value in weights(trainable).items() if "lora_A" in name)


@pytest.mark.parametrize(("dtype", "name"), [("fp32", "float32"), ("bf16", "bfloat16")])
def test_a_learning_rate_that_is_too_high_stops_the_training_within_ten_steps(trainable, dtype, name):
    settings = SETTINGS.model_copy(update={"steps": 100, "learning_rate": 1e4, "dtype": dtype})
    with pytest.raises(BackendError) as caught:
        trainer(trainable, settings).run(None, nothing)
    text = str(caught.value)
    found = re.search(rf"at step (\d+) in {name} \(batch of (real\d), (real\d), (edit\d), \.\.\.\)", text)
    assert found
    assert int(found[1]) <= 10
    assert "real, seed 0: " in text
    assert "no adapter was written; lower adapters.training.learning_rate" in text
    assert ("set adapters.training.dtype to fp32" in text) == (dtype != "fp32")
    assert "\n" not in text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_training_at_once(trainable, value):
    plain = tiny_clips.make_batches(trainable, SETTINGS)

    class Broken:
        def __getitem__(self, step):
            batch = plain[step]
            return dataclasses.replace(batch, pictures=batch.pictures * value) if step == 2 else batch

    job = tiny_clips.make_job(trainable, SETTINGS)
    with pytest.raises(BackendError, match="the loss is nan at step 2 in float32") as caught:
        Trainer(trainable, job, Broken()).run(None, nothing)
    assert f"batch of {', '.join(plain[2].keys[:3])}" in str(caught.value)


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([(1.0, 0.1), (0.5, 1.0), (0.7, 1.0), (0.6, 0.2)], 4),  # the best, and never step 0
        ([(0.1, 2.0), (0.5, 1.0), (0.5, 0.9), (0.5, 0.9)], 4),  # of equals the lowest loss, then the first
        ([(0.1, 2.0), (0.5, 1.0), (0.5, 1.0), (0.5, 1.0)], 2),
        ([(0.1, 2.0), (0.2, 1.0), (0.3, 1.0), (0.4, 1.0)], 6),
    ],
)
def test_the_checkpoint_is_chosen_on_val(trainable, monkeypatch, scores, chosen):
    settings = SETTINGS.model_copy(update={"steps": 6, "validate_every": 2})
    training = trainer(trainable, settings)
    seen = []

    def score():
        seen.append(weights(trainable))
        return scores[len(seen) - 1]

    monkeypatch.setattr(training, "_score", score)
    log = training.run(None, nothing)
    assert log.val_steps == [0, 2, 4, 6]
    assert log.val_accuracies == [accuracy for accuracy, _ in scores]
    assert log.chosen_step == chosen
    assert same(weights(trainable), seen[chosen // 2])
    assert not same(seen[1], seen[2])


def test_the_last_step_is_the_adapter_whatever_val_says(trainable, monkeypatch):
    """So that compared adapters had equal training; it is the default."""
    assert TrainingSettings().checkpoint == "last"
    settings = SETTINGS.model_copy(update={"steps": 6, "validate_every": 2, "checkpoint": "last"})
    training = trainer(trainable, settings)
    scores = iter([(0.1, 2.0), (1.0, 0.1), (0.2, 1.0), (0.2, 1.0)])
    seen = []
    monkeypatch.setattr(training, "_score", lambda: seen.append(weights(trainable)) or next(scores))
    log = training.run(None, nothing)
    assert (log.chosen_step, log.val_accuracies) == (6, [0.1, 1.0, 0.2, 0.2])
    assert same(weights(trainable), seen[-1])


def test_val_is_scored_by_hand_too(trainable):
    log = trainer(trainable, SETTINGS).run(None, nothing)
    job = tiny_clips.make_job(trainable, SETTINGS)
    logits = tiny_clips.class_logits(trainable)  # its pictures are those of val
    at = log.val_steps.index(log.chosen_step)
    assert log.val_accuracies[at] == pytest.approx((logits.argmax(1) == job.val_labels).float().mean().item())
    assert log.val_losses[at] == pytest.approx(
        torch.nn.functional.cross_entropy(logits, job.val_labels).item(), abs=1e-4
    )


def test_without_val_the_last_weights_are_taken(trainable):
    log = trainer(trainable, SETTINGS, val=0).run(None, nothing)
    assert (log.chosen_step, log.val_steps, log.val_accuracies) == (8, [], [])


@pytest.mark.parametrize("kind", sorted(tiny_clips.SAVERS))
@pytest.mark.parametrize(("towers", "cached"), [(("image",), True), (("text",), False), (("image", "text"), False)])
def test_texts_are_encoded_once_when_their_tower_is_not_trained(clip_folders, kind, towers, cached, monkeypatch):
    clip = tiny_clips.load(clip_folders[kind])
    add_lora(clip, LoraSettings(towers=towers))
    calls = []
    whole = clip.text_features
    monkeypatch.setattr(
        training, "lean_text_features", lambda clip, tokens: calls.append("lean") or lean_text_features(clip, tokens)
    )
    settings = SETTINGS.model_copy(update={"steps": 3})
    if cached:
        clip.text_features = lambda tokens: calls.append("whole") or whole(tokens)
    trainer(clip, settings).run(None, nothing)
    assert calls == (["whole"] if cached else ["lean"] * (3 + 2))  # steps, and looks at val
    assert any(value.any() for name, value in weights(clip).items() if "lora_B" in name)


@pytest.mark.parametrize("towers", [("image",), ("text",), ("image", "text")])
@pytest.mark.parametrize("kind", sorted(tiny_clips.SAVERS))
def test_micro_batches_add_up_to_the_batch(clip_folders, kind, towers):
    found = []
    for size in (1, 3, 4):
        clip = tiny_clips.load(clip_folders[kind])
        add_lora(clip, LoraSettings(towers=towers, lora_dropout=0.0))
        changes = {"micro_batch_size": size, "steps": 6, "validate_every": 6, "mixup": 0.5}
        log = trainer(clip, SETTINGS.model_copy(update=changes)).run(None, nothing)
        found.append((log.losses, weights(clip)))
    for losses, updates in found[1:]:
        assert losses == pytest.approx(found[0][0], rel=1e-4)
        assert all(torch.allclose(value, found[0][1][name], atol=2e-3) for name, value in updates.items())
