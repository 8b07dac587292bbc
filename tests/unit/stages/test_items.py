from varireal.prompts.deal import deal
from varireal.records import Prompt
from varireal.stages.common import wanted_items

PROMPTS = {
    class_id: [Prompt(f"{class_id}.color.{arm}.{n}", class_id, "color", arm, f"colour {n}") for n in range(4)]
    for class_id in ("gull", "owl")
    for arm in ("feasible",)
}
PHOTOS = [
    {"image_id": f"{class_id}-{n}", "class_id": class_id, "class_name": class_id}
    for class_id in ("owl", "gull")
    for n in range(5)
]


def items(prompts=None, arm="feasible", per_image=2, round_=0, photos=PHOTOS):
    given = PROMPTS if prompts is None else prompts
    members = {class_id: [p["image_id"] for p in photos if p["class_id"] == class_id] for class_id in PROMPTS}
    return wanted_items(
        photos,
        {
            class_id: deal(given.get(class_id, ()), ids, per_image=per_image, seed=1)
            for class_id, ids in members.items()
        },
        attribute="color",
        feasibility=arm,
        per_image=per_image,
        round_=round_,
        seed=1,
    )


def test_every_photo_and_k_is_wanted_once_in_order():
    made = items()
    assert [(i.photo["image_id"], i.k) for i in made] == [
        (f"{c}-{n}", k) for c in ("gull", "owl") for n in range(5) for k in range(2)
    ]


def test_prompts_of_an_image_are_distinct_and_of_its_class():
    for first, second in zip(items()[::2], items()[1::2], strict=True):
        assert first.prompt.prompt_id != second.prompt.prompt_id
        assert first.prompt.class_id == first.photo["class_id"]


def test_arms_share_seed_and_pair():
    other = {c: [Prompt(f"{c}.color.infeasible.0", c, "color", "infeasible", "x")] for c in PROMPTS}
    for one, two in zip(items(per_image=1), items(other, "infeasible", per_image=1), strict=True):
        assert (one.seed, one.pair_id) == (two.seed, two.pair_id)
        assert one.candidate_id != two.candidate_id


def test_a_new_round_has_new_seeds_and_the_same_prompts():
    for one, two in zip(items(), items(round_=1), strict=True):
        assert one.seed != two.seed
        assert one.prompt == two.prompt


def test_too_few_prompts_leave_items_without_one():
    few = {c: p[:1] for c, p in PROMPTS.items()}
    assert [i.prompt is None for i in items(few)] == [False, True] * 10
    assert [i.prompt for i in items({})] == [None] * 20
