import pytest

from varireal.reporting.about import kappa_of, prompt_facts


def setting(votes, **changes):
    return {"wanted": 10, "accepted": 9, "short": 1, "refused": {"duplicate": 2}, "votes": votes} | changes


RECORDS = [
    {"settings": {"color/feasible": setting({"feasible": 8, "infeasible": 1})}},
    {"settings": {"color/infeasible": setting({"infeasible": 7, "feasible": 1, "unknown": 1})}},
]
USAGE = {"models": {"m": {"calls": 12, "tokens_sent": 3400, "tokens_answered": 900, "usd": 0.5}}}


def test_facts_are_counted_from_the_records():
    facts = dict(prompt_facts(RECORDS, USAGE))
    assert facts["Prompts"] == "m: 12 calls, 3,400 tokens sent, 900 answered, $0.50"
    assert facts["Prompts written"] == "18 of 20 wanted, 2 short; refused: duplicate 4"
    told = facts["Second opinion on prompts"]
    assert told.startswith("agrees on 15 of 18 (83.3 %), Cohen's kappa 0.76 [")
    assert "1 without a usable vote" in told
    assert told.endswith("color 83 %")


def test_kappa_is_cohens():
    votes = {
        ("feasible", "feasible"): 20,
        ("feasible", "infeasible"): 5,
        ("infeasible", "feasible"): 10,
        ("infeasible", "infeasible"): 15,
    }
    found = kappa_of(votes)
    assert found[0] == pytest.approx(0.4)  # the textbook example
    assert found[1] < found[0] < found[2]


def test_kappa_of_one_sided_votes_is_not_defined():
    assert kappa_of({("feasible", "feasible"): 3, ("infeasible", "feasible"): 2}) is None
    assert kappa_of({}) is None


def test_without_a_judge_nothing_is_said_of_it():
    records = [{"settings": {"color/feasible": setting({})}}]
    assert [name for name, _ in prompt_facts(records, {"models": {}})] == ["Prompts", "Prompts written"]
