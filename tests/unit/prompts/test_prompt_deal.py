from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from varireal.prompts.deal import deal
from varireal.records import Prompt

IDS = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=15)
SEEDS = st.integers(0, 2**63)


def prompt(name: str, text: str = "") -> Prompt:
    return Prompt(f"c.color.feasible.{name}", "c", "color", "feasible", name, text)


def ids(dealt: dict[str, list[Prompt]]) -> dict[str, list[str]]:
    return {image: [p.prompt_id for p in prompts] for image, prompts in dealt.items()}


@given(names=IDS, images=IDS, per_image=st.integers(0, 20), seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_each_image_gets_distinct_prompts_and_all_that_there_are_when_they_run_short(names, images, per_image, seed):
    dealt = deal([prompt(n) for n in names], images, per_image=per_image, seed=seed)
    assert list(dealt) == images
    for prompts in dealt.values():
        assert len(prompts) == len({p.prompt_id for p in prompts}) == min(per_image, len(names))


@given(names=IDS, images=IDS, seed=SEEDS, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_and_texts_move_nothing(names, images, seed, order):
    before = deal([prompt(n) for n in names], images, per_image=3, seed=seed)
    shuffled, mixed = [prompt(n, "another text") for n in names], list(images)
    order.shuffle(shuffled)
    order.shuffle(mixed)
    after = deal(shuffled, mixed, per_image=3, seed=seed)
    assert ids(after) == ids(before)
    assert all(p.description == "another text" for prompts in after.values() for p in prompts)


@given(
    names=st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=12), n_images=st.integers(0, 40), seed=SEEDS
)
@settings(max_examples=60, deadline=None)
def test_no_prompt_is_dealt_much_more_than_its_share(names, n_images, seed):
    dealt = deal([prompt(n) for n in names], [f"i{i}" for i in range(n_images)], per_image=1, seed=seed)
    loads = Counter(p.prompt_id for prompts in dealt.values() for p in prompts)
    share = n_images / len(names)
    assert max(loads.values(), default=0) <= int(1.25 * share) + 1


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> float:
    pairs = [(x, y) for image in before for x, y in zip(before[image], after[image], strict=True)]
    return sum(x != y for x, y in pairs) / len(pairs)


def test_a_new_image_or_prompt_moves_few_deals():
    images, prompts = [f"image-{i}" for i in range(60)], [prompt(str(i)) for i in range(10)]
    by_image, by_prompt = [], []
    for seed in range(20):
        before = ids(deal(prompts, images, per_image=2, seed=seed))
        by_image.append(changed(before, ids(deal(prompts, [*images, "image-new"], per_image=2, seed=seed))))
        by_prompt.append(changed(before, ids(deal([*prompts, prompt("new")], images, per_image=2, seed=seed))))
    assert sum(by_image) / 20 < 0.02
    # A new prompt has to take its share, 1 in 11.
    assert 0.07 < sum(by_prompt) / 20 < 0.15


def test_a_removed_prompt_moves_little_but_its_own_deals():
    images, prompts = [f"image-{i}" for i in range(60)], [prompt(str(i)) for i in range(10)]
    others = []
    for seed in range(20):
        before = ids(deal(prompts, images, per_image=1, seed=seed))
        after = ids(deal(prompts[1:], images, per_image=1, seed=seed))
        kept = {image: own for image, own in before.items() if own != [prompts[0].prompt_id]}
        others.append(changed(kept, after))
        assert prompts[0].prompt_id not in {own for (own,) in after.values()}
    assert sum(others) / 20 < 0.06


def test_the_seed_decides():
    images, prompts = [f"image-{i}" for i in range(12)], [prompt(str(i)) for i in range(6)]
    deals = {str(ids(deal(prompts, images, per_image=1, seed=seed))) for seed in range(10)}
    assert len(deals) == 10


def test_the_deal_of_a_seed_is_pinned():
    dealt = deal([prompt(n) for n in ("brown", "cream", "white")], ["a", "b", "c"], per_image=2, seed=7)
    assert {image: [p.name for p in own] for image, own in dealt.items()} == {
        "a": ["brown", "cream"],
        "b": ["cream", "white"],
        "c": ["white", "cream"],
    }
