"""`varireal show`: what a finished study found, in five lines, and its page in a browser."""

import os
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path

from varireal.config.slices import ReportSlice, read_slice
from varireal.core.paths import StudyPaths
from varireal.errors import DataError
from varireal.reporting.answer import answer_sentences
from varireal.reporting.reasons import sums_by_setting
from varireal.reporting.study_results import read_results
from varireal.store import tables
from varireal.store.schemas import FUNNEL

_SWITCH = "VARIREAL_BROWSER"  # ``no``: no page opens by itself
_NO = frozenset({"no", "0", "off", "false"})
# They would take the terminal.
_TEXT_BROWSERS = frozenset({"www-browser", "links", "elinks", "lynx", "w3m"})


def run(*, study: Path, open_: bool) -> int:
    """Print what a study found, as its page says it.

    Args:
        study: folder of the study.
        open_: open the page as well, where there are a terminal, a display and a browser.

    Raises:
        DataError: the study is not finished, or a table is damaged.
    """
    paths = StudyPaths(str(study))
    page = Path(paths.report) / "index.html"
    if not (study / "config").is_dir():
        raise DataError(f"{study} is no study: it has no folder 'config'; give one such as results/demo")
    if not page.is_file():
        raise DataError(
            f"{study} has no {page.relative_to(study)} yet; expected a study that is finished: run snakemake"
        )
    for line in findings(paths):
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"The data set is {paths.dataset}\nThe page is {page}\n")
    sys.stdout.flush()
    if open_ and may_open(os.environ, terminal=sys.stdout.isatty(), platform=sys.platform):
        open_page(page)
    return 0


def findings(paths: StudyPaths) -> Iterator[str]:
    """The answer's sentences, where classifiers were trained, and how many edits were accepted.

    Raises:
        DataError: a table is damaged.
    """
    results = read_results(read_slice(Path(paths.config("report")), ReportSlice), Path(paths.root))
    if results is not None:
        yield from answer_sentences(results)
    sums = sums_by_setting(tables.read(Path(paths.funnel), FUNNEL))
    whole = sums.pop("all")
    share = ", ".join(f"{name} {_share(one)}" for name, one in sums.items())
    yield f"Accepted: {whole['accepted']:,} of {whole['wanted']:,} wanted edits ({_share(whole)}): {share}"


def _share(sums: Mapping[str, int]) -> str:
    return f"{sums['accepted'] / sums['wanted']:.0%}" if sums["wanted"] else "none wanted"


def may_open(environ: Mapping[str, str], *, terminal: bool, platform: str) -> bool:
    """Whether a page may open by itself: somebody sits in front of this machine's screen, and did not forbid it.

    Args:
        environ: the environment; ``VARIREAL_BROWSER=no`` forbids it.
        terminal: whether the output goes to a terminal.
        platform: as ``sys.platform`` has it.
    """
    display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    if platform in ("darwin", "win32", "cygwin"):
        display = not (environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    return terminal and display and not environ.get("CI") and environ.get(_SWITCH, "").lower() not in _NO


def open_page(page: Path) -> bool:
    """Open a page in the browser of the desktop; without one nothing happens.

    Returns:
        Whether a browser was started.
    """
    try:
        browser = webbrowser.get()
        if getattr(browser, "name", "") in _TEXT_BROWSERS:
            return False
        return browser.open(page.resolve().as_uri())
    except (webbrowser.Error, OSError):
        return False
