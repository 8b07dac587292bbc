"""``varireal status`` on a large study: 1,000,000 candidates in 5,000 jobs, whole command, by the wall clock.

python benchmarks/status.py [candidates] [folder]: a study that is in the folder already is measured as it is.

The study is written with the real writers (slices, tables, item stores, job records) and tiny pictures: 6 settings,
2 rounds, 199 shards. Nine tenths of the tables are there; the last tenth of the jobs has stores and records only, some
of them at work, some killed.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import environment, save

from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, slice_text, stage_slices
from varireal.core.paths import StudyPaths, shard_name
from varireal.core.pictures import encode_png
from varireal.names import FEASIBILITIES, OK
from varireal.running import job_record
from varireal.store import tables
from varireal.store.items import open_store, pack
from varireal.store.schemas import EDITS, IMAGES, MASKS, VERDICTS

SHARDS, ROUNDS, PER_IMAGE, REFUSED = 199, 2, 8, 20  # every 20th candidate is refused
REPEATS = 7


class Writer:
    """Writes the study, one job at a time."""

    def __init__(self, root: Path, candidates: int) -> None:
        self.paths = StudyPaths(str(root))
        self.photos = round(candidates / (6 * PER_IMAGE * (1 + 1 / REFUSED)))
        self.config = parse_config(
            {
                "study": {"name": root.name, "results": str(root.parent), "shards": SHARDS},
                "edits": {"per_image": PER_IMAGE, "rounds": ROUNDS},
                "adapters": {"regimes": []},
            }
        )
        self.slices = stage_slices(self.config, {"bird": "bird"})
        self.picture = encode_png(np.zeros((2, 2, 3), np.uint8))
        self.made = self.jobs = 0

    def write(self) -> None:
        """Write everything."""
        for name, part in self.slices.items():
            path = Path(self.paths.config(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(slice_text(part) + "\n", encoding="utf-8")
        self._images()
        shares = [len(range(index, self.photos, SHARDS)) for index in range(SHARDS)]
        for index, share in enumerate(shares):
            self._masks(shard_name(index, SHARDS), share)
        names = [(a, f, s) for a in self.config.edits.attributes for f in FEASIBILITIES for s in range(SHARDS)]
        for number, (attribute, feasibility, index) in enumerate(names):
            rows = shares[index] * PER_IMAGE
            for round_ in range(ROUNDS):
                self._edits(attribute, feasibility, round_, shard_name(index, SHARDS), rows, number, len(names))
                rows //= REFUSED
            if number % 100 == 0:
                print(f"{number} of {len(names)} chains, {self.made} candidates", file=sys.stderr)

    def _job(self, stage: str, name: str, output: str, store: str | None) -> job_record.JobRecord:
        self.jobs += 1
        digest = slice_digest(self.slices[stage])
        facts = {"stage": stage, "config": digest, "output": output, "store": store}
        return job_record.JobRecord(Path(self.paths.log(name)).with_suffix(".json"), facts)

    def _end(self, record: job_record.JobRecord, output: str, counts: dict[str, int]) -> None:
        Path(record.path).parent.mkdir(parents=True, exist_ok=True)
        Path(record.path).with_suffix(".log").write_text("as in a real study\n")
        record.end(job_record.ENDED, counts=counts, computed=sum(counts.values()), size=Path(output).stat().st_size)

    def _images(self) -> None:
        record = self._job("images", "images", self.paths.images, None)
        rows = (
            {
                **dict.fromkeys(("class_id", "class_name"), "bird"),
                **{
                    "image_id": f"bird-{n:06d}",
                    "split": "train",
                    "path": f"/photos/{n}.jpg",
                    "width": 64,
                    "height": 64,
                },
                **{"sha256": f"{n:064x}", "phash": f"{n:016x}", "status": OK, "reason": ""},
            }
            for n in range(self.photos)
        )
        tables.write(Path(self.paths.images), rows, IMAGES, stage="images", digest="-")
        job_record._current = record
        job_record.tell(splits={"train": self.photos}, started=time.time() - 5)
        self._end(record, self.paths.images, {OK: self.photos})
        job_record._current = None

    def _masks(self, shard: str, share: int) -> None:
        record = self._job("masks", f"masks/{shard}", self.paths.masks(shard), None)
        record._facts["started"] = time.time() - 5
        row = {"status": OK, "reason": "", "mask": self.picture, "backend": "provided"}
        rows = ({**row, "image_id": f"bird-{n:06d}"} for n in range(share))
        tables.write(Path(self.paths.masks(shard)), rows, MASKS, stage="masks", digest="-")
        self._end(record, self.paths.masks(shard), {OK: share})

    def _edits(
        self, attribute: str, feasibility: str, round_: int, shard: str, rows: int, number: int, total: int
    ) -> None:
        place = f"{attribute}/{feasibility}/round{round_}/{shard}"
        output = self.paths.edits(attribute, feasibility, round_, shard)
        store = self.paths.store(f"edits-{place.replace('/', '-')}")
        record = self._job("edits", f"edits/{place}", output, store)
        record._facts["started"] = time.time() - 60
        unfinished = number >= 0.9 * total
        if unfinished and round_:
            self.jobs += 1  # waits, as its verdicts do
            return
        finished = rows // 2 if unfinished else rows
        ids = [f"bird-{n:06d}.{attribute}.{feasibility}.k0.r{round_}" for n in range(finished)]
        with open_store(Path(store)) as kept:
            value = pack({"row": {"change_inside": 0.5}, "seconds": 0.01}, self.picture)
            kept.put_many([(f"{number:04d}-{round_}-{n:026d}", value) for n in range(finished)], {"gpu_seconds": 36.0})
            record._store = kept
            self.made += finished
            if unfinished:
                self.jobs += 1
                record.done, record.total = finished, rows
                record._facts["seen"] = time.time()
                record._write()
                return
            base = dict.fromkeys(
                ("image_id", "class_id", "class_name", "pair_id", "prompt_id", "prompt_name", "prompt_description"),
                "x",
            )
            base |= {"attribute": attribute, "feasibility": feasibility, "k": 0, "round": round_, "seed": 1}
            base |= {"backend": "procedural", "backend_version": "1", "params_digest": "x", "status": OK, "reason": ""}
            table = ({**base, "candidate_id": one, "image": self.picture} for one in ids)
            tables.write(Path(output), table, EDITS, stage="edits", digest="-")
            self._end(record, output, {OK: finished})
        self._verdicts(place, ids)

    def _verdicts(self, place: str, ids: list[str]) -> None:
        attribute, feasibility, round_, shard = place.split("/")
        output = self.paths.verdicts(attribute, feasibility, round_.removeprefix("round"), shard)
        record = self._job("verdicts", f"verdicts/{place}", output, None)
        record._facts["started"] = time.time() - 2
        refused = len(ids) // REFUSED
        rows = (
            {"candidate_id": one, "params_digest": "", "judge": "receipt", "accepted": n >= refused, "reasons": []}
            for n, one in enumerate(ids)
        )
        tables.write(Path(output), rows, VERDICTS, stage="verdicts", digest="-")
        self._end(record, output, {"accepted": len(ids) - refused, "not accepted": refused})


def timed(*command: str) -> tuple[dict[str, object], str]:
    """Wall and processor seconds of the whole command, several times, and what it printed last."""
    wall, busy, text = [], [], ""
    for _ in range(REPEATS):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
        wall.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        text = done.stdout
    rounded = [round(seconds, 3) for seconds in wall]
    return {
        "wall_median": statistics.median(rounded),
        "wall": rounded,
        "processor_median": statistics.median(busy),
    }, text


def main() -> None:
    candidates = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        root = Path(sys.argv[2] if len(sys.argv) > 2 else place) / "results" / "large"
        writer = Writer(root, candidates)
        start = time.perf_counter()
        if not root.exists():
            writer.write()
        written = time.perf_counter() - start
        as_json, text = timed("varireal", "status", str(root), "--json")
        table, _ = timed("varireal", "status", str(root))
        bare, _ = timed(sys.executable, "-c", "pass")
        found = json.loads(text)
        edits = next(stage for stage in found["stages"] if stage["stage"] == "edits")
        files = sum(1 for path in root.rglob("*") if path.is_file())
        figures = {
            "candidates": edits["items"]["total"],
            "candidates_made": edits["items"]["done"],
            "jobs": sum(stage["jobs"]["total"] or 0 for stage in found["stages"]),
            "files": files,
            "status_json_seconds": as_json,
            "status_table_seconds": table,
            "bare_python_seconds": bare,
            "load_average": os.getloadavg()[0],
        }
        save("status", figures | ({"seconds_to_write_the_study": round(written, 1)} if written > 1 else {}))


if __name__ == "__main__":
    main()
