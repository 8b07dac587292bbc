"""A config key that is added later runs nothing again while it means what the code did before."""

import json
from typing import Annotated

import pytest
from pydantic import Field

from varireal.config.base import Added, StrictModel, from_keys
from varireal.config.slices import read_slice, slice_digest, slice_text
from varireal.errors import ConfigError


class Old(StrictModel):
    """A block as it was when studies were finished."""

    steps: int = 30


class Block(StrictModel):
    """The block with keys of today; the default of ``shape`` is not what the code did before."""

    steps: int = 30
    shape: Annotated[str, Field(description="A key."), Added(before="square")] = "bucket"
    bias: Annotated[float | None, Field(description="Another."), Added(before=None)] = None


class OldSlice(StrictModel):
    block: Old = Old()
    by_name: dict[str, Old] = {"a": Old()}  # noqa: RUF012
    several: tuple[Old, ...] = (Old(),)
    perhaps: Old | None = None


class Slice(StrictModel):
    block: Block = Block()
    by_name: dict[str, Block] = {"a": Block()}  # noqa: RUF012
    several: tuple[Block, ...] = (Block(),)
    perhaps: Block | None = None
    whole: Annotated[Block, Added(before=Block())] = Block()


BEFORE = Block(shape="square")


def as_before(**update) -> Slice:
    return Slice(block=BEFORE, by_name={"a": BEFORE}, several=(BEFORE,), whole=BEFORE, **update)


def test_a_slice_is_that_of_before_while_the_keys_say_what_the_code_did_before():
    assert slice_text(as_before()) == slice_text(OldSlice())
    assert slice_digest(as_before()) == slice_digest(OldSlice())
    assert slice_text(as_before(perhaps=BEFORE)) == slice_text(OldSlice(perhaps=Old()))


@pytest.mark.parametrize("changed", [
    {"block": Block()},  # the default is another than what the code did
    {"block": Block(shape="square", bias=0.5)},
    {"by_name": {"a": Block()}},
    {"several": (Block(),)},
    {"whole": Block(steps=1)},
    {"whole": Block()},
])  # fmt: skip
def test_any_other_value_is_in_the_slice(changed):
    assert slice_digest(as_before().model_copy(update=changed)) != slice_digest(OldSlice())


def test_a_slice_of_before_is_read_as_what_the_code_did_then(tmp_path):
    path = tmp_path / "slice.json"
    path.write_text(slice_text(OldSlice(perhaps=Old())))
    assert read_slice(path, Slice) == as_before(perhaps=BEFORE)
    path.write_text(slice_text(Slice()))
    assert read_slice(path, Slice) == Slice()


def test_for_people_every_key_is_written_and_a_missing_one_has_its_default():
    assert Block().model_dump() == {"steps": 30, "shape": "bucket", "bias": None}
    assert BEFORE.model_dump(mode="json")["shape"] == "square"
    assert Block.model_validate({}).shape == "bucket"
    assert Block.model_validate_json("{}", strict=True).shape == "bucket"
    assert from_keys(Block, b"{}").shape == "square"


def test_item_keys_leave_them_out_too():
    assert BEFORE.for_keys() == Old().for_keys()
    assert BEFORE.for_keys_json() == Old().for_keys_json()
    assert BEFORE.for_keys(include=("shape",)) == {}
    assert Block().for_keys(exclude=("steps",)) == {"shape": "bucket"}
    assert BEFORE.later_for_keys() == ()
    assert Block(bias=0.5).later_for_keys() == ("bias=0.5", 'shape="bucket"')


class Inner(StrictModel):
    """A block that was added later, and got a key later still, whose default is not what the code did before."""

    size: int = 4
    blur: Annotated[int, Added(before=0)] = 7


class Outer(StrictModel):
    steps: int = 30
    inner: Annotated[Inner, Added(before=Inner())] = Inner()


def test_a_key_of_a_block_that_was_added_later_itself():
    assert Outer().as_before().for_keys() == Old().for_keys()
    assert Outer().for_keys() == {"steps": 30, "inner": {"size": 4, "blur": 7}}
    assert from_keys(Outer, b'{"steps": 30}').inner == Inner(blur=0)
    assert from_keys(Outer, b'{"inner": {"size": 4}}').inner == Inner(blur=0)


def test_a_slice_that_is_no_json_is_told_in_one_line(tmp_path):
    path = tmp_path / "slice.json"
    path.write_text('{"block": ')
    with pytest.raises(ConfigError, match=r"slice\.json: no JSON .*'varireal config write' makes it afresh"):
        read_slice(path, Slice)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="no JSON"):
        read_slice(path, Slice)


def test_a_block_that_is_not_chosen_is_as_before():
    assert Block().as_before() == BEFORE
    assert Slice().as_before().block == BEFORE
    assert json.loads(slice_text(Slice().as_before()))["block"] == {"steps": 30}
