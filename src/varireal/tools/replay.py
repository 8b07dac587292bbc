"""``varireal replay``: make one candidate again and say whether it is the same picture.

Two pictures are compared pixel by pixel. Where they differ, everything is listed that is not as it was when the
candidate was made.
"""

import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from varireal.core.files import write_whole
from varireal.core.paths import StudyPaths
from varireal.core.pictures import decode_png, encode_png
from varireal.core.provenance import STAGE_VERSIONS, package_versions
from varireal.errors import VariRealError
from varireal.exports.base import with_recipe
from varireal.prompts.class_file import read_class_file
from varireal.records import Array
from varireal.running.logs import SUMMARY
from varireal.running.parallel import single_thread
from varireal.tools.replay_remake import OnRecord, Remade, Sources, find, gather, remake

logger = logging.getLogger(__name__)

EQUAL, CLOSE, DIFFERENT = "equal", "within tolerance", "different"

# What another card, library or batch changes by adding in another order stays far below these, and nobody sees it; a
# change of seed, prompt, mask or model is far above. Levels of 0..255, over the pixels that were edited.
MOST_LEVELS = 16
MEAN_LEVELS = 1.0
LEAST_PSNR = 40.0  # dB; 40 is a root mean square of 2.55 levels

SHOWN_TIMES = 8  # how much a picture of differences is brightened


@dataclass(frozen=True, slots=True)
class PixelComparison:
    """Two pictures compared.

    Attributes:
        verdict: ``equal``, ``within tolerance`` or ``different``.
        edited_pixels: pixels that either picture has other than the photo; the figures are over these.
        differing_pixels: pixels in which the two differ.
        max_levels: largest difference of one channel, in levels of 0..255.
        mean_levels: mean difference of a channel.
        psnr: peak signal-to-noise ratio in dB; None when the pictures are equal or of other sizes.
        reason: why they cannot be compared; empty when they can.
    """

    verdict: str
    edited_pixels: int = 0
    differing_pixels: int = 0
    max_levels: int | None = None
    mean_levels: float | None = None
    psnr: float | None = None
    reason: str = ""


def compare(photo: Array, then: Array, now: Array) -> PixelComparison:
    """Compare two edits of a photo, each (H, W, 3) uint8.

    A photo of another size (it was replaced) only means that all pixels count as edited.
    """
    if then.shape != now.shape:
        sizes = f"{then.shape[1]} x {then.shape[0]} then, {now.shape[1]} x {now.shape[0]} now"
        return PixelComparison(DIFFERENT, reason=f"the pictures differ in size: {sizes}")
    edited = np.ones(then.shape[:2], bool)
    if photo.shape == then.shape:
        edited = (then != photo).any(axis=2) | (now != photo).any(axis=2)
    gap = difference(then, now)
    count = int(edited.sum())
    if not gap.any():
        return PixelComparison(EQUAL, count, 0, 0, 0.0)
    inside = gap[edited | gap.any(axis=2)].astype(np.float64)
    psnr = 10 * math.log10(255**2 / float((inside**2).mean()))
    most, mean = int(gap.max()), float(inside.mean())
    close = most <= MOST_LEVELS and mean <= MEAN_LEVELS and psnr >= LEAST_PSNR
    return PixelComparison(
        CLOSE if close else DIFFERENT, count, int(gap.any(axis=2).sum()), most, round(mean, 4), round(psnr, 2)
    )


def difference(then: Array, now: Array) -> Array:
    """Absolute difference of two pictures of one size, uint8."""
    gap: Array = np.abs(then.astype(np.int16) - now.astype(np.int16)).astype(np.uint8)
    return gap


def shown(gap: Array) -> Array:
    """A difference as a picture that can be seen: ``SHOWN_TIMES`` brighter."""
    bright: Array = np.minimum(gap.astype(np.int16) * SHOWN_TIMES, 255).astype(np.uint8)
    return bright


# Measured columns that can explain another picture, by what they are for people.
_HOW = {
    "device": "device",
    "dtype": "number format",
    "batch_size": "items made together",
    "memory_step": "step for want of memory",
    "marks": "departures from the recipe",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        what: the thing.
        then: its value on record.
        now: its value now.
    """

    what: str
    then: str
    now: str

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.what}: {self.then or 'none'} -> {self.now or 'none'}"


def changes(record: OnRecord, sources: Sources, remade: Remade) -> list[Change]:
    """Everything that is not as on record and may explain another picture, inputs first."""
    row, made = record.row, record.made
    differences = [
        Change(f"photo {sources.photo['path']}", _short(row["source_sha256"]), _short(sources.photo["sha256"])),
        Change("mask", _short(row["mask_sha256"]), _short(sources.mask_sha256)),
        Change("editor", _editor(row), _editor(remade.row)),
        Change("the edit's own mask", _short(row["edit_mask_sha256"]), _short(remade.row.get("edit_mask_sha256"))),
    ]
    if not sources.same_config:
        then = made.get("config") or "not on record"
        differences.append(Change("config of edits", f"{then} (not kept)", "that of today"))
    differences += [
        Change(f"model {name}", then, now)
        for name, then, now in _pairs(_models(made, row), _models(remade.facts, row))
    ]
    # a number that was not measured is unknown, not another value
    differences += [
        Change(what, _text(row.get(name)), _text(remade.row.get(name)))
        for name, what in _HOW.items()
        if row.get(name) is not None
    ]
    if "written_with" in made:
        differences += [
            Change(f"package {name}", then, now)
            for name, then, now in _pairs(
                made["written_with"] | made.get("packages", {}),
                package_versions() | remade.facts.get("packages", {}),
            )
        ]
    if made.get("version") is not None:
        differences.append(Change("stage edits", f"v{made['version']}", f"v{STAGE_VERSIONS['edits']}"))
    return [change for change in differences if change.then != change.now]


def since(record: OnRecord, study: Path) -> list[str]:
    """What the study says otherwise today; the replay uses what is on record, the next run would not."""
    row = record.row
    try:
        prompts = read_class_file(Path(StudyPaths(str(study)).prompts(row["class_id"])))
    except VariRealError as error:
        return [f"the prompt file cannot be read ({error}); the texts on record were used"]
    today = next((prompt for prompt in prompts if prompt.prompt_id == row["prompt_id"]), None)
    if today is None:
        return [f"the prompt {row['prompt_id']} is no longer in the study; the texts on record were used"]
    then = (row["prompt_name"], row["prompt_description"], row["prompt_rgb"] or "")
    now = (today.name, today.description, today.rgb)
    return [
        f"the {what} of prompt {row['prompt_id']} is now {new!r}; {old!r} on record was used"
        for what, old, new in zip(("name", "description", "colour"), then, now, strict=True)
        if old != new
    ]


def _editor(row: Mapping[str, Any]) -> str:
    return f"{row['backend']} v{row['backend_version']}"


def _models(facts: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    models: Mapping[str, Any] = (facts.get("models") or {}).get(row["attribute"], {})
    return models


def _pairs(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*then, *now}):
        yield name, _text(then.get(name)), _text(now.get(name))


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _short(digest: object) -> str:
    return str(digest or "")[:12]


SAME, OTHER = 0, 1  # exit codes; 2 is that of an error


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found.

    Attributes:
        candidate: its id.
        comparison: the two pictures compared, as a dictionary of ``PixelComparison``.
        changes: what differs, each with ``what``, ``then`` and ``now``.
        notes: what the study says otherwise today.
        files: what was written.
    """

    candidate: str
    comparison: dict[str, Any]
    changes: list[dict[str, str]]
    notes: list[str]
    files: list[str]


def run(*, candidate: str, study: Path, output: Path | None, ask: bool, json_: bool) -> int:
    """Make a candidate again.

    Args:
        candidate: its id, or a picture that carries its recipe.
        study: folder of the study.
        output: folder for the picture then, the picture now and their difference; None writes nothing.
        ask: allow an editor behind a server, which may cost money.
        json_: print the answer as JSON.

    Returns:
        0 when the pictures are equal or within tolerance, 1 when they differ.

    Raises:
        ConfigError: no such candidate or study.
        DataError: it cannot be made again.
        BackendError: the editor cannot run here.
    """
    # as in a job of the workflow: the number of threads must not change a pixel; before numpy is loaded
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    single_thread()

    replay = answer(candidate, study, output=output, ask=ask)
    if json_:
        sys.stdout.write(json.dumps(asdict(replay), indent=2) + "\n")
    else:
        for line in lines(replay):
            logger.log(SUMMARY, "%s", line)
    return OTHER if replay.comparison["verdict"] == "different" else SAME


def lines(replay: Replay) -> list[str]:
    """The answer for people."""
    text = [f"{replay.candidate}: {_verdict(replay.comparison)}"]
    title = "what differs" if replay.comparison["verdict"] != "equal" else "not as on record, without effect"
    if replay.changes:
        text.append(f"{title}:")
        text += [f"  {c['what']}: {c['then'] or 'none'} -> {c['now'] or 'none'}" for c in replay.changes]
    elif replay.comparison["verdict"] != "equal":
        text.append("everything on record is as it was; the machine itself computes otherwise")
    text += [f"note: {note}" for note in replay.notes]
    text += [f"wrote {path}" for path in replay.files]
    return text


def _verdict(comparison: dict[str, Any]) -> str:
    if comparison["verdict"] == "equal":
        return "bit-equal: every pixel is the same"
    if comparison["reason"]:
        return f"different: {comparison['reason']}"
    share = f"{comparison['differing_pixels']} of {comparison['edited_pixels']} edited pixels"
    mean, psnr = f"{comparison['mean_levels']:.3g}", f"{comparison['psnr']:.1f}"
    return (
        f"{comparison['verdict']}: {share} differ, by at most {comparison['max_levels']} levels, {mean} on average; "
        f"PSNR {psnr} dB"
    )


def answer(candidate: str, study: Path, *, output: Path | None, ask: bool) -> Replay:
    """Make a candidate again and compare; the arguments are those of ``run``.

    Raises:
        ConfigError: no such candidate or study.
        DataError: it cannot be made again.
        BackendError: the editor cannot run here.
    """
    record = find(candidate, study)
    sources = gather(record, study)
    remade = remake(record, sources, study, ask=ask)
    then, now = decode_png(record.picture), decode_png(remade.row["image"])
    photo = remade.photo if remade.photo is not None else now
    comparison = compare(photo, then, now)
    if comparison.verdict == EQUAL and record.row["edit_mask_sha256"] != remade.row.get("edit_mask_sha256"):
        comparison = replace(
            comparison, verdict=DIFFERENT, reason="the pictures are equal, the edit's own masks are not"
        )
    return Replay(
        record.row["candidate_id"],
        asdict(comparison),
        [asdict(change) for change in changes(record, sources, remade)],
        [*record.notes, *since(record, study)],
        [] if output is None else _write(output, record, remade, study.name),
    )


def _write(folder: Path, record: OnRecord, remade: Remade, study: str) -> list[str]:
    """Write the pictures then and now, marked as synthetic, and their difference."""
    name = record.row["candidate_id"]
    then, now = decode_png(record.picture), decode_png(remade.row["image"])
    made = {**record.made, **remade.facts}
    files = {
        f"{name}.then.png": with_recipe(encode_png(then), record.row, study=study, made=record.made),
        f"{name}.now.png": with_recipe(remade.row["image"], remade.row, study=study, made=made),
    }
    if then.shape == now.shape:
        files[f"{name}.difference.png"] = encode_png(shown(difference(then, now)))
    for file, data in files.items():
        write_whole(folder / file, data)
    return [str(folder / file) for file in files]
