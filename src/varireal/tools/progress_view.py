"""Showing how far a workflow is: a line for each thing that is done, and on a terminal one live view below them.

Lines are few: one when all jobs of a stage and setting are done, one when a job fails, and now and then one of what is
at work. While the live view is there, it alone writes to the terminal: what jobs and libraries write goes through a
pipe and appears above it.
"""

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from varireal.running.workflow import Failure
from varireal.tools.progress import Progress, ProgressRow
from varireal.tools.status import duration

LIVE, LINES = "live", "lines"
_BETWEEN_LOOKS = 1.0  # seconds; longer where a look takes long, as on a slow shared disk
_SHARE = 20  # looks take at most one part in so many of the time
_FIRST_NEWS, _LAST_NEWS = 30.0, 600.0  # seconds between two lines of what is at work: more and more,
_NEWS_SHARE = 10  # but one part in so many of the time since the beginning, so that nobody thinks that it hangs
_MOST_ROWS = 8  # of a line of news in a file
_WIDTH_OF_FILE = 10_000  # so that no line is cut


def can_be_live(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose cursor moves."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


class ProgressView:
    """What a person sees of a workflow from its first job to its end.

    Args:
        stream: where it is written.
        live: whether that is a terminal for the live view.
        color: whether colours are allowed; ``NO_COLOR`` forbids them too.
    """

    def __init__(self, stream: TextIO, *, live: bool, color: bool = True) -> None:
        self._stream, self._live_wanted, self._color = stream, live, color
        self._lock = threading.RLock()
        self._progress: Progress | None = None
        self._over = threading.Event()
        self._ticker: threading.Thread | None = None
        self._screen: _Screen | None = None
        self._began = self._next_news = 0.0
        self._causes: dict[int, str] = {}  # of failed jobs, by number

    @property
    def begun(self) -> bool:
        """Whether it knows of the jobs."""
        return self._progress is not None

    def begin(self, root: Path, jobs: Mapping[int, str]) -> None:
        """Show the jobs from now on; see ``Progress``."""
        with self._lock:
            self._progress = Progress(root, jobs)
            self._began = time.monotonic()
            self._next_news = self._began + _FIRST_NEWS
            self.say(self._progress.head)
            if self._live_wanted:
                self._screen = _Screen(self._stream, color=self._color)
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()
        atexit.register(self.close)

    def say(self, text: str) -> None:
        """Write a line; above the live view where there is one."""
        with self._lock:
            for line in text.splitlines():
                stamped = f"{time.strftime('%H:%M:%S')}  {line}" if self._progress is not None else line
                if self._screen is not None:
                    self._screen.print(stamped)
                else:
                    self._stream.write(stamped + "\n")
            self._stream.flush()

    def start(self, number: int) -> None:
        """A job was handed out."""
        with self._lock:
            if self._progress is not None:
                self._progress.start(number)

    def finish(self, number: int) -> None:
        """A job is done."""
        with self._lock:
            if self._progress is not None and (line := self._progress.finish(number)):
                self.say(line)

    def fail(self, number: int, failure: Failure, *, shown: bool = True) -> None:
        """A job has failed.

        Args:
            number: Snakemake's number of it.
            failure: why, and where its log is.
            shown: whether a line is written.
        """
        with self._lock:
            if self._progress is None or number not in self._progress.jobs:
                return
            self._progress.fail(number, counts=not failure.interrupted)
            cause, before = failure.cause, self._causes.get(number)
            self._causes[number] = cause
            if shown and not failure.interrupted and cause != before:  # a retry that ends as it did is no news
                log = f" [log: {failure.log}]" if failure.log else ""
                self.say(f"failed: {self._progress.label(number)}: {cause}{log}")

    def close(self) -> None:
        """Say how it ended, and give the terminal back."""
        self._over.set()
        if self._ticker is not None and self._ticker is not threading.current_thread():
            self._ticker.join(timeout=5)
        with self._lock:
            if self._screen is not None:
                self._screen.close()
                self._screen = None
            if self._progress is not None:
                self.say(self._progress.end)
                self._progress = None
        atexit.unregister(self.close)

    def look(self) -> None:
        """See how far the jobs at work are, and show it where it is time to."""
        with self._lock:
            if self._progress is None:
                return
            self._progress.look()
            rows = list(self._progress.rows())
            if self._screen is not None:
                self._screen.show(self._progress, rows)
            elif time.monotonic() >= self._next_news:
                self._say_news(rows)

    def _tick(self) -> None:
        pause = _BETWEEN_LOOKS
        while not self._over.wait(pause):
            before = time.monotonic()
            self.look()
            pause = max(_BETWEEN_LOOKS, _SHARE * (time.monotonic() - before))

    def _say_news(self, rows: list[ProgressRow]) -> None:
        """Lines of what is at work, more and more seldom."""
        for row in rows[:_MOST_ROWS]:
            self.say(row.text)
        if len(rows) > _MOST_ROWS:
            self.say(f"and {len(rows) - _MOST_ROWS} more at work")
        now = time.monotonic()
        self._next_news = now + min(max((now - self._began) / _NEWS_SHARE, _FIRST_NEWS), _LAST_NEWS)


class _Screen:
    """A terminal that the live view has for itself.

    What this process, its jobs and their libraries write to the terminal would tear the view. So it keeps the
    terminal, and their standard output and error are a pipe, whose lines appear above the view.
    """

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        stream.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        self._kept = {number: os.dup(number) for number in (1, 2) if os.isatty(number)}
        self._terminal = os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")
        self._console = Console(file=self._terminal, no_color=True if not color else None, highlight=False)
        reading, self._writing = os.pipe()
        for number in self._kept:
            os.dup2(self._writing, number)
        self._reader = threading.Thread(target=self._read, args=(reading,), name="screen", daemon=True)
        self._reader.start()
        self._live = Live(
            Text(""), console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        self._live.start()

    def print(self, line: str) -> None:
        """Write a line above the view."""
        self._console.print(Text(line), soft_wrap=True)

    def show(self, progress: Progress, rows: list[ProgressRow]) -> None:
        """Draw the view."""
        self._live.update(live_view(progress, rows, *self._console.size), refresh=True)

    def close(self) -> None:
        """Take the view away, and let everybody write to the terminal again."""
        self._live.stop()
        sys.stdout.flush()
        sys.stderr.flush()
        for number, terminal in self._kept.items():
            os.dup2(terminal, number)
            os.close(terminal)
        os.close(self._writing)
        self._reader.join(timeout=1)  # a process that was left behind may hold the other end
        self._terminal.flush()

    def _read(self, reading: int) -> None:
        """Lines of others, as they come."""
        with os.fdopen(reading, "rb", buffering=0) as pipe, contextlib.suppress(ValueError, OSError):
            rest = b""
            while chunk := pipe.read(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._console.print(Text.from_ansi(_last_of(line)), soft_wrap=True)
            if rest:
                self._console.print(Text.from_ansi(_last_of(rest)), soft_wrap=True)


def _last_of(line: bytes) -> str:
    """A line as a terminal would show it: what stands after the last return to its begin."""
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")


def live_view(progress: Progress, rows: list[ProgressRow], width: int, height: int) -> RenderableType:
    """The view: a bar with what is done of all, and a line for each group of jobs at work.

    Args:
        progress: the workflow's.
        rows: what is at work.
        width: characters of a line of the terminal.
        height: lines of the terminal.
    """
    total, done = len(progress.jobs), len(progress.ended)
    head = Table.grid(padding=(0, 1), expand=True)
    head.add_column(ratio=1)
    head.add_column(no_wrap=True, justify="right")
    words = [f"{done:,} of {total:,} jobs", *progress.states, f"{duration(progress.seconds)} so far"]
    head.add_row(ProgressBar(total=max(total, 1), completed=done), Text(", ".join(words)))
    parts: list[RenderableType] = [head]
    if progress.accepted:
        parts.append(Text(progress.accepted))
    shown = list(_fitting(rows, height - len(parts) - 3))
    parts += _table(shown, width) if shown else []
    if len(shown) < len(rows):
        parts.append(Text(f"and {len(rows) - len(shown)} more"))
    return Group(*parts)


_AT_WORK = "at work"
_FIELDS = ("jobs", "items", "rate", "time", "accepted")


def _table(rows: list[ProgressRow], width: int) -> Iterator[Text]:
    """What is at work, in columns; those that say nothing are left out, and numbers are never cut."""
    fields = [field for field in _FIELDS if any(getattr(row, field) for row in rows)]
    widths = [max(len(field), *(len(getattr(row, field)) for row in rows)) for field in fields]
    left = min(max(len(_AT_WORK), *(len(row.label) for row in rows)), width - sum(widths) - 2 * len(widths))

    def line(label: str, cells: list[str], style: str = "") -> Text:
        begin = label if len(label) <= left else f"{label[: left - 1]}…"
        return Text(
            "  ".join([begin.ljust(left), *(cell.rjust(size) for cell, size in zip(cells, widths, strict=True))]),
            style=style,
            overflow="crop",
            no_wrap=True,
        )

    yield line(_AT_WORK, fields, "bold")
    for row in rows:
        yield line(row.label, [getattr(row, field) for field in fields])
        if row.spent:
            yield Text(f"  {row.spent}", style="dim", overflow="ellipsis", no_wrap=True)


def _fitting(rows: list[ProgressRow], most: int) -> Iterator[ProgressRow]:
    """As many as there are lines for."""
    for row in rows:
        most -= 2 if row.spent else 1
        if most < 0:
            return
        yield row
