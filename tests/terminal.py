"""A terminal of 80 columns and 24 lines: commands run in it, and what a person would see at any moment."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path

COLUMNS, LINES = 80, 24
_PARTS = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([^\x1b])", re.S)


class Terminal:
    """A command in a terminal.

    Args:
        command: what runs.
        folder: where.
        environ: its environment.
    """

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.raw = ""
        self.process, self._screen = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environ)  # noqa: S606
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def read_until(self, condition: Callable[[list[str]], bool], seconds: float = 90.0) -> list[str]:
        """Lines of the screen once they fulfil a condition."""
        end = time.monotonic() + seconds
        while not condition(self.lines):
            assert time.monotonic() < end, "\n".join(self.lines)
            assert self._read(), "\n".join(self.lines)
        return self.lines

    def press(self, key: bytes) -> None:
        os.write(self._screen, key)

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def _read(self) -> bool:
        if not select.select([self._screen], [], [], 1.0)[0]:
            return True
        try:
            chunk = os.read(self._screen, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += chunk.decode("utf-8", "replace")
        return bool(chunk)

    @property
    def lines(self) -> list[str]:
        """All that can be seen, what has scrolled away too."""
        cells: dict[tuple[int, int], str] = {}
        x = y = 0
        for numbers, command, letter in _PARTS.findall(self.raw):
            if command == "A":
                y = max(0, y - int(numbers or 1))
            elif command == "K":
                cells = {place: text for place, text in cells.items() if place[0] != y}
            elif command:
                assert command in "mhl", f"the terminal does not know {numbers}{command}"
            elif letter == "\r":
                x = 0
            elif letter == "\n":
                y += 1
            else:
                x, y = (0, y + 1) if x == COLUMNS else (x, y)
                cells[y, x] = letter
                x += 1
        height = max((row for row, _ in cells), default=-1) + 1
        return ["".join(cells.get((row, c), " ") for c in range(COLUMNS)).rstrip() for row in range(height)]

    @property
    def shows_cursor(self) -> bool:
        return self.raw.rfind("\x1b[?25h") >= self.raw.rfind("\x1b[?25l")
