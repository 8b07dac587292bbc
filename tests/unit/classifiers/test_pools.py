from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from varireal.classifiers.pools import Picture, PoolMaker, TrainingPictures
from varireal.config import regimes as r
from varireal.names import FEASIBILITIES

ATTRIBUTES = ("background", "color")
NAMES = ("Egret", "Gull")
REGIMES = {regime.slug: regime for regime in r.every_regime(ATTRIBUTES)}
EDITED = [regime for regime in REGIMES.values() if regime.attribute]


def picture(key, label):
    return Picture(key, label, lambda: np.zeros((4, 4, 3), np.uint8))


def material(pairs, photos=3, extra=()):
    """``pairs``: how many photos of a class were accepted in both arms, by label and attribute."""
    labels = range(max((label for label, _ in pairs), default=0) + 1)
    edits = {
        (label, attribute, f"{NAMES[label]}-{number} 0", arm): picture(f"{label} {attribute} {number} {arm}", label)
        for (label, attribute), count in pairs.items()
        for number in range(count)
        for arm in FEASIBILITIES
    }
    for label, attribute, item, arm in extra:
        edits[label, attribute, item, arm] = picture(f"{label} {attribute} {item} {arm}", label)
    photographs = {label: [picture(f"{label} photo {n}", label) for n in range(photos)] for label in labels}
    recomposed = {label: [picture(f"{label} again {n}", label) for n in range(photos)] for label in labels}
    return TrainingPictures(photographs, recomposed, edits, NAMES[: len(labels)], ATTRIBUTES)


PAIRS = {(0, "background"): 7, (0, "color"): 4, (1, "background"): 5, (1, "color"): 6}


def test_every_regime_has_the_same_budget_per_class():
    maker = PoolMaker(material(PAIRS), 1)
    assert [maker.budget(label) for label in (0, 1)] == [4, 5]
    for regime in (one for one in REGIMES.values() if one.trained):
        pool = maker.pool(regime)
        assert len(pool.real) == (6 if regime.uses_real else 0)
        wanted = {} if regime.kind == r.REAL else {0: 4, 1: 5}
        assert Counter(one.label for one in pool.synthetic) == wanted, regime.slug
        assert pool.notes == ()


@pytest.mark.parametrize("kind", ["synthetic", "real+synthetic"])
@pytest.mark.parametrize("attribute", [*ATTRIBUTES, "all"])
def test_the_arms_are_made_from_the_same_pairs(kind, attribute):
    maker = PoolMaker(material(PAIRS), 1)
    feasible, infeasible, mixed = (
        [one.key for one in maker.pool(REGIMES[f"{kind}-{attribute}-{arm}"]).synthetic] for arm in r.ARMS
    )
    assert [key.rpartition(" ")[0] for key in feasible] == [key.rpartition(" ")[0] for key in infeasible]
    assert [key.rpartition(" ")[0] for key in mixed] == [key.rpartition(" ")[0] for key in feasible]
    assert {key.rpartition(" ")[2] for key in feasible} == {"feasible"}
    assert {key.rpartition(" ")[2] for key in infeasible} == {"infeasible"}
    arms = Counter((key[0], key.rpartition(" ")[2]) for key in mixed)
    assert arms == {("0", "feasible"): 2, ("0", "infeasible"): 2, ("1", "feasible"): 3, ("1", "infeasible"): 2}
    assert len(set(mixed)) == len(mixed)


def test_the_attributes_of_all_take_turns():
    pool = PoolMaker(material(PAIRS), 1).pool(REGIMES["synthetic-all-feasible"])
    turns = [one.key.split()[1] for one in pool.synthetic]
    assert turns == ["background", "color"] * 2 + ["background", "color"] * 2 + ["background"]


def test_an_edit_that_was_accepted_in_one_arm_only_is_not_used():
    alone = [(0, "color", "Egret-9 0", "feasible"), (0, "color", "Egret-8 0", "infeasible")]
    maker = PoolMaker(material(PAIRS, extra=alone), 1)
    assert maker.budget(0) == 4
    keys = {one.key for regime in EDITED for one in maker.pool(regime).synthetic}
    assert not any("Egret" in key for key in keys)


def test_a_class_without_an_accepted_pair_gets_a_note():
    maker = PoolMaker(material({(0, "background"): 2, (0, "color"): 3, (1, "background"): 2, (1, "color"): 0}), 1)
    pool = maker.pool(REGIMES["real+synthetic-color-feasible"])
    assert pool.notes == ("1 of 2 classes have no accepted pair here: Gull.",)
    assert {one.label for one in pool.synthetic} == {0}
    assert {one.label for one in pool.real} == {0, 1}
    assert maker.pool(REGIMES["real+synthetic-background-feasible"]).notes == ()
    assert Counter(one.label for one in maker.pool(REGIMES["real+synthetic-all-mixed"]).synthetic) == {0: 2, 1: 2}


def test_an_attribute_beside_all_has_its_own_count_and_changes_no_other_pool():
    """What ``all`` means stays as it was, so an attribute that is added trains its own regimes only."""
    given, many = material(PAIRS), {(0, "weather"): 2, (1, "weather"): 9}
    more = replace(given, edits=given.edits | material(many).edits)
    before, after = PoolMaker(given, 1), PoolMaker(more, 1)
    for regime in (one for one in REGIMES.values() if one.trained):
        assert after.pool(regime).digest == before.pool(regime).digest, regime.slug
    regimes = [one for one in r.every_regime((*ATTRIBUTES, "weather")) if one.attribute == "weather"]
    assert len(regimes) == 6
    for regime in regimes:
        pool = after.pool(regime)
        assert Counter(one.label for one in pool.synthetic) == {0: 2, 1: 9}, regime.slug
        assert {one.key.split()[1] for one in pool.synthetic} == {"weather"}


def test_the_controls_have_the_same_counts():
    maker = PoolMaker(material(PAIRS), 1)
    classic, duplicated, identity = (maker.pool(REGIMES[slug]) for slug in r.CONTROLS)
    assert {one.augmentation for one in classic.synthetic} == {"published"}
    assert {one.augmentation for one in (*duplicated.synthetic, *identity.synthetic, *classic.real)} == {""}
    assert {one.key for one in duplicated.synthetic} <= {one.key for one in duplicated.real}
    assert {one.key.split()[1] for one in identity.synthetic} == {"again"}
    for pool in (classic, duplicated, identity):  # of three photos, none is used three times before all are used
        for label, counts in ((0, [2, 1, 1]), (1, [2, 2, 1])):
            found = Counter(one.key for one in pool.synthetic if one.label == label)
            assert sorted(found.values(), reverse=True) == counts


def test_without_masks_the_identity_control_says_so():
    given = material(PAIRS)
    pool = PoolMaker(TrainingPictures(given.real, {}, given.edits, NAMES, ATTRIBUTES), 1).pool(
        REGIMES["identity-edits"]
    )
    assert pool.synthetic == ()
    (note,) = pool.notes
    assert note.startswith("2 of 2 classes")
    assert note.endswith(": Egret, Gull.")


def test_one_class_with_two_photos():
    maker = PoolMaker(material({(0, "background"): 2, (0, "color"): 2}, photos=2), 1)
    for regime in EDITED:
        assert len(maker.pool(regime).synthetic) == 2
    mixed = maker.pool(REGIMES["synthetic-color-mixed"]).synthetic
    assert sorted(one.key.rpartition(" ")[2] for one in mixed) == ["feasible", "infeasible"]


def test_without_any_pair_there_is_no_budget():
    maker = PoolMaker(material({(0, "background"): 0, (1, "color"): 0}), 1)
    assert maker.budget(0) == maker.budget(1) == 0
    assert maker.pool(REGIMES["synthetic-all-feasible"]).synthetic == ()
    assert len(maker.pool(REGIMES["real"]).real) == 6


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_the_edits():
    given = material(PAIRS)
    backwards = TrainingPictures(given.real, given.recomposed, dict(reversed(given.edits.items())), NAMES, ATTRIBUTES)
    regime = REGIMES["synthetic-background-feasible"]
    digests = [PoolMaker(one, 1).pool(regime).digest for one in (given, backwards)]
    assert digests[0] == digests[1]
    assert len({PoolMaker(given, seed).pool(regime).digest for seed in range(5)}) > 1


def test_the_digest_changes_with_a_picture_a_label_or_a_preset():
    pools = [PoolMaker(material(PAIRS), 1).pool(REGIMES[slug]) for slug in (*r.CONTROLS, "real")]
    assert len({pool.digest for pool in pools}) == 4
