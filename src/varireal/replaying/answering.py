"""From a candidate to an answer: find, make again, compare, explain, write."""

from dataclasses import asdict
from pathlib import Path

from varireal.exports.recipe import with_recipe
from varireal.files import write_whole
from varireal.pictures import decode_png, encode_png
from varireal.replaying.causes import changes, since
from varireal.replaying.command import Answer
from varireal.replaying.comparing import compare, difference, shown
from varireal.replaying.finding import OnRecord, find
from varireal.replaying.remaking import Remade, gather, remake


def answer(candidate: str, study: Path, *, output: Path | None, ask: bool) -> Answer:
    """Make a candidate again and compare; the arguments are those of ``command.run``.

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
    return Answer(
        record.row["candidate_id"],
        asdict(compare(photo, then, now)),
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
