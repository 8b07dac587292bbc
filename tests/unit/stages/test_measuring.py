import pytest

from varireal.editors.base import answers
from varireal.names import EditStatus
from varireal.records import EditResult
from varireal.running.stopping import StoppedError


class Clumsy:
    """An editor that cannot edit several items at once, and is stopped at the third."""

    def __init__(self, first):
        self._first = first

    def edit(self, requests):
        if len(requests) > 1:
            raise ValueError("a bug")
        if requests == ["three"]:
            raise StoppedError("stopped", self._first)
        return [EditResult(EditStatus.FAILED, requests[0])]


@pytest.mark.parametrize(("last", "whole"), [({}, ["one", "two"]), ({0: "came"}, ["one", "two", "came"])])
def test_what_was_made_one_by_one_before_a_signal_keeps_its_place(last, whole):
    last = {number: EditResult(EditStatus.FAILED, reason) for number, reason in last.items()}
    with pytest.raises(StoppedError) as caught:
        answers(Clumsy(last), ["one", "two", "three", "four"])
    assert {number: result.reason for number, (result, _) in caught.value.done.items()} == dict(enumerate(whole))
