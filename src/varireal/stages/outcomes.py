"""What became of every candidate: its row of edits joined with its verdict and checked, and the manifest of all."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from varireal import names
from varireal.config.slices import DatasetSlice
from varireal.core.paths import StudyPaths, setting, shard_name
from varireal.errors import DataError
from varireal.store import tables
from varireal.store.schemas import EDITS, JUDGED_COLUMNS, MANIFEST, VERDICTS, measures_in, with_measures

_PACK = 1024  # rows that are turned into columns at once
_RUN = 32_768  # rows of a run: about 40 MB
_PART = 4096  # rows of a part of the result
_KEY = "candidate_id"


class Manifest:
    """The manifest of every candidate: takes rows in any order, and gives them back as tables sorted by id.

    Rows are sorted in runs that lie in temporary files, and merged, so that a bounded number is in memory: an external
    merge sort (Knuth 1998, "The Art of Computer Programming", volume 3, section 5.4).

    Args:
        folder: where the runs lie while they are needed; on the disk of the results, because a small one often holds
            the system's temporary files. The files have no name there, so nothing is left when the process is killed.
        schema: its columns.
    """

    def __init__(self, folder: Path, schema: pa.Schema = MANIFEST) -> None:
        self._folder, self.schema = folder, schema
        self._rows: list[dict[str, Any]] = []
        self._packed: list[pa.Table] = []
        self._runs: list[IO[bytes]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self._rows.append(row)
        if len(self._rows) == _PACK:
            self._pack()
            if sum(map(len, self._packed)) >= _RUN:
                self._spill()

    def parts(self) -> Iterator[pa.Table]:
        """Yield all rows in the order of ``candidate_id``, in parts of the same size.

        Raises:
            DataError: two rows have the same id.
        """
        self._pack()
        last = pa.concat_tables(self._packed).sort_by(_KEY)
        self._packed = []
        sources = [*(_read_run(run) for run in self._runs), iter(last.to_batches(_PACK))]
        previous = ""
        for part in _parts(_merged([source for source in map(_Head, sources) if source.ids]), _PART):
            previous = _checked(part, previous)
            yield part
        for run in self._runs:
            run.close()
        self._runs = []

    def _pack(self) -> None:
        self._packed.append(pa.Table.from_pylist(self._rows, schema=self.schema))
        self._rows = []

    def _spill(self) -> None:
        """Write what is in memory as a sorted run."""
        table = pa.concat_tables(self._packed).sort_by(_KEY)
        self._packed = []
        self._folder.mkdir(parents=True, exist_ok=True)
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  (lives until the rows are given back)
        with pa.ipc.new_stream(run, self.schema) as writer:
            writer.write_table(table, _PACK)
        run.flush()
        self._runs.append(run)


def _read_run(run: IO[bytes]) -> Iterator[pa.RecordBatch]:
    run.seek(0)
    with pa.ipc.open_stream(run) as reader:
        yield from reader


class _Head:
    """The rows of a run that come next."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.ids: pa.Array = pa.array([], pa.string())
        self._rows: pa.RecordBatch | None = None
        self._next()

    def _next(self) -> None:
        self._rows = next(self._batches, None)
        self.ids = pa.array([], pa.string()) if self._rows is None else self._rows[_KEY]

    @property
    def last(self) -> str:
        """Largest id of those at hand."""
        return str(self.ids[-1].as_py())

    def take(self, bound: str) -> list[pa.RecordBatch]:
        """The rows at hand up to an id, which are no more here after that."""
        count = int(pc.sum(pc.less_equal(self.ids, bound)).as_py() or 0)
        if self._rows is None or not count:
            return []
        taken = self._rows.slice(0, count)
        self._rows, self.ids = self._rows.slice(count), self.ids.slice(count)
        if not len(self.ids):
            self._next()
        return [taken]


def _merged(heads: list[_Head]) -> Iterator[pa.Table]:
    """Yield the rows of sorted runs in order: each time those that no later row of any run can come before."""
    while heads:
        bound = min(head.last for head in heads)
        taken = [batch for head in heads for batch in head.take(bound)]
        yield pa.Table.from_batches(taken).sort_by(_KEY)
        heads = [head for head in heads if len(head.ids)]


def _parts(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Cut a stream of tables into parts of ``size`` rows; the last one is what is left."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        while sum(map(len, held)) >= size:
            whole = pa.concat_tables(held)
            yield whole.slice(0, size).combine_chunks()
            held = [whole.slice(size)]
    rest = pa.concat_tables(held) if held else None
    if rest:
        yield rest.combine_chunks()


def _checked(part: pa.Table, previous: str) -> str:
    """The last id of a sorted part, after looking for ids that are there twice."""
    for candidate_id in part[_KEY].to_pylist():
        if candidate_id == previous:
            raise DataError(f"two candidates are called {previous!r}; delete the edits and run again")
        previous = candidate_id
    return previous


Row = Mapping[str, Any]

ACCEPTED, REJECTED, FAILED = "accepted", "rejected", "failed"

_VERDICT_COLUMNS = ("candidate_id", "params_digest", "judge", "accepted", "reasons", *JUDGED_COLUMNS)


@dataclass(frozen=True, slots=True)
class Group:
    """The tables of one setting and shard, which become one file of the data set.

    Attributes:
        attribute: what was edited.
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
    verdict_rows: dict[str, Row] = {}
    for row in tables.stream(verdicts, VERDICTS, _VERDICT_COLUMNS, at_once=512):
        if row["candidate_id"] in verdict_rows:
            raise DataError(f"{verdicts}: two verdicts on {row['candidate_id']!r}; run the stage verdicts again")
        verdict_rows[row["candidate_id"]] = row
    for row in tables.stream(edits, with_measures(EDITS, measures_in([edits]))):
        verdict = verdict_rows.pop(row["candidate_id"], None)
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
    if verdict_rows:
        raise DataError(
            f"{verdicts} has a verdict on {next(iter(verdict_rows))!r}, which is not in {edits}; "
            "run the stage verdicts again"
        )


def _check_setting(row: Row, group: Group, edits: Path, per_image: int) -> None:
    its_setting = setting(row["attribute"], row["feasibility"])
    if its_setting != group.setting:
        raise DataError(
            f"{edits}: {row['candidate_id']!r} is of {its_setting}, expected {group.setting}; "
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
        **{key: value for key, value in candidate.items() if key not in ("image", "edit_mask")},
        **{name: outcome.verdict[name] for name in JUDGED_COLUMNS},
        "p_feasible": p_feasible,
        "outcome": outcome.name,
        "reasons": list(outcome.verdict["reasons"]),
        "source_sha256": photo["sha256"],
        "source_path": photo["path"],
        "mask_backend": mask["backend"] if mask else None,
        "image_sha256": hashlib.sha256(picture).hexdigest() if picture else None,
    }
