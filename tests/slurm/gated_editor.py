"""An editor of another package: the procedural one, which a test can stop in an edit.

With ``VARIREAL_GATE`` in the environment, a folder, it writes a line into ``trace`` there when an edit begins and when
it ends. While a file ``closed`` is in that folder, each process waits in its second edit, until the file goes away or
the process is told to stop: so the first item is kept, the second is in hand.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from varireal.records import EditRequest, EditResult
from varireal.running import stopping
from varireal_demo.editor import ProceduralEditor


class GatedEditor(ProceduralEditor):
    """Draws what the procedural editor draws, when it is let."""

    name = "gated"

    def __init__(self) -> None:
        self._gate = Path(os.environ["VARIREAL_GATE"]) if "VARIREAL_GATE" in os.environ else None
        self._edits = 0

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> EditResult:
        self._edits += 1
        self._note("begin", request)
        while self._edits == 2 and self._closed() and not stopping.requested():
            time.sleep(0.05)
        (result,) = super().edit([request])
        self._note("end", request)
        return result

    def _closed(self) -> bool:
        return self._gate is not None and (self._gate / "closed").exists()

    def _note(self, what: str, request: EditRequest) -> None:
        if self._gate is None:
            return
        job, gpu = os.environ.get("SLURM_JOB_ID", "-"), os.environ.get("CUDA_VISIBLE_DEVICES", "-")
        node = os.environ.get("SLURMD_NODENAME", "-")
        item = f"{request.prompt.prompt_id}/{request.seed}"
        line = f"{what} {job} {node} {gpu} {os.getpid()} {item}\n"
        with (self._gate / "trace").open("a") as trace:  # one write of less than a page: lines do not mix
            trace.write(line)
