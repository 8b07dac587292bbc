"""What became of every candidate: its row of edits joined with its verdict, and checked."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal import names, tables
from varireal.config.slices import DatasetSlice
from varireal.errors import DataError
from varireal.paths import StudyPaths, setting, shard_name
from varireal.schemas import EDITS, JUDGED_COLUMNS, VERDICTS

Row = Mapping[str, Any]

ACCEPTED, REJECTED, FAILED = "accepted", "rejected", "failed"

_VERDICT_COLUMNS = ("candidate_id", "params_digest", "judge", "accepted", "reasons", *JUDGED_COLUMNS)


@dataclass(frozen=True, slots=True)
class Group:
    """The tables of one setting and shard, which become one file of the data set.

    Attributes:
        attribute: background, color or texture.
        feasibility: the arm.
        masks: masks of the shard.
        rounds: edits and verdicts of each round, in order.
    """

    attribute: str
    feasibility: str
    masks: Path
    rounds: tuple[tuple[Path, Path], ...]

    @property
    def setting(self) -> str:
        """Name for people."""
        return setting(self.attribute, self.feasibility)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A candidate and what was said of it.

    Attributes:
        candidate: row of edits, with its picture when there is one.
        verdict: row of verdicts.
        place: the table of edits, for messages.
    """

    candidate: Row
    verdict: Row
    place: Path

    @property
    def name(self) -> str:
        """``accepted``, ``rejected`` (made, but a gate said no) or ``failed`` (not made)."""
        if self.verdict["accepted"]:
            return ACCEPTED
        return REJECTED if self.candidate["status"] == names.OK else FAILED

    @property
    def code(self) -> str:
        """Code of the first reason; empty when accepted."""
        if self.verdict["accepted"]:
            return ""
        first = next(iter(self.verdict["reasons"]), "") or self.candidate["status"]
        return str(first).partition(":")[0].strip() or "no_reason"


def make_groups(config: DatasetSlice, study: Path) -> list[Group]:
    """The groups of a study, in the order of ``paths.dataset_files``."""
    paths, shards = StudyPaths(str(study)), [shard_name(i, config.shards) for i in range(config.shards)]
    return [
        Group(
            attribute,
            feasibility,
            Path(paths.masks(shard)),
            tuple(
                (
                    Path(paths.edits(attribute, feasibility, round_, shard)),
                    Path(paths.verdicts(attribute, feasibility, round_, shard)),
                )
                for round_ in range(config.rounds)
            ),
        )
        for attribute in config.attributes
        for feasibility in names.FEASIBILITIES
        for shard in shards
    ]


def read_outcomes(group: Group, *, per_image: int) -> Iterator[Outcome]:
    """Yield every candidate of a group with its verdict, few pictures in memory at a time.

    Raises:
        DataError: a candidate without verdict or the reverse, an accepted candidate without picture, a candidate of
            another setting, or an item that was accepted twice; the message names the table and the candidate.
    """
    accepted: dict[tuple[str, int], str] = {}
    for edits, verdicts in group.rounds:
        for outcome in _joined(edits, verdicts):
            row = outcome.candidate
            _check_setting(row, group, edits, per_image)
            if outcome.name == ACCEPTED:
                _check_picture(row, edits)
                item = (row["image_id"], row["k"])
                if item in accepted:
                    raise DataError(
                        f"{edits}: {row['candidate_id']!r} is accepted, but {accepted[item]!r} of the same item was "
                        "already; delete the edits and verdicts of this round and run again"
                    )
                accepted[item] = row["candidate_id"]
            yield outcome


def _joined(edits: Path, verdicts: Path) -> Iterator[Outcome]:
    said: dict[str, Row] = {}
    for row in tables.stream(verdicts, VERDICTS, _VERDICT_COLUMNS, at_once=512):
        if row["candidate_id"] in said:
            raise DataError(f"{verdicts}: two verdicts on {row['candidate_id']!r}; run the stage verdicts again")
        said[row["candidate_id"]] = row
    for row in tables.stream(edits, EDITS):
        verdict = said.pop(row["candidate_id"], None)
        if verdict is None:
            raise DataError(
                f"{verdicts} has no verdict on {row['candidate_id']!r} of {edits}; run the stage verdicts again"
            )
        if verdict["params_digest"] != row["params_digest"]:
            raise DataError(
                f"{verdicts} judged another picture of {row['candidate_id']!r} than the one in {edits}, which was "
                "made again since; delete the verdicts and run again"
            )
        yield Outcome(row, verdict, edits)
    if said:
        raise DataError(
            f"{verdicts} has a verdict on {next(iter(said))!r}, which is not in {edits}; run the stage verdicts again"
        )


def _check_setting(row: Row, group: Group, edits: Path, per_image: int) -> None:
    found = setting(row["attribute"], row["feasibility"])
    if found != group.setting:
        raise DataError(
            f"{edits}: {row['candidate_id']!r} is of {found}, expected {group.setting}; "
            "run the stages edits and verdicts again"
        )
    if not 0 <= row["k"] < per_image:
        raise DataError(
            f"{edits}: {row['candidate_id']!r} is edit {row['k']} of its photo, but the config asks for {per_image} "
            "per photo; run the stage edits again"
        )


def _check_picture(row: Row, edits: Path) -> None:
    if row["status"] != names.OK or not row["image"]:
        raise DataError(
            f"{edits}: {row['candidate_id']!r} is accepted but has no picture (status {row['status']}); "
            "run the stages edits and verdicts again"
        )


def manifest_row(outcome: Outcome, photo: Row, mask: Row | None, p_feasible: float | None = None) -> dict[str, Any]:
    """Row of the manifest: everything about a candidate but its picture.

    Args:
        outcome: the candidate and its verdict.
        photo: row of images.
        mask: row of masks.
        p_feasible: calibrated probability that it is feasible, when there is one.
    """
    candidate = outcome.candidate
    picture = candidate["image"]
    return {
        **{key: value for key, value in candidate.items() if key != "image"},
        **{name: outcome.verdict[name] for name in JUDGED_COLUMNS},
        "p_feasible": p_feasible,
        "outcome": outcome.name,
        "reasons": list(outcome.verdict["reasons"]),
        "source_sha256": photo["sha256"],
        "source_path": photo["path"],
        "mask_backend": mask["backend"] if mask else None,
        "image_sha256": hashlib.sha256(picture).hexdigest() if picture else None,
    }
