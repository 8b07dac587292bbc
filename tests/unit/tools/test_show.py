import tarfile
import webbrowser
from pathlib import Path

import pytest

from varireal.cli import main
from varireal.tools import show

FINISHED = Path(__file__).parents[2] / "finished" / "demo_small.tar.xz"
DESKTOP = {"DISPLAY": ":0"}


@pytest.fixture
def study(tmp_path):
    with tarfile.open(FINISHED) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "results" / "demo_small"


def test_the_last_five_lines_are_the_pages_own(study, capsys):
    assert main(["show", str(study)]) == 0
    lines = capsys.readouterr().out.splitlines()
    page = (study / "report" / "index.html").read_text()
    assert len(lines) == 5
    assert f'<p class="finding">{lines[0]}</p><p class="power">{lines[1]}</p>' in page
    assert lines[2].startswith(
        "Accepted: 35 of 36 wanted edits (97%): background/feasible 100%, background/infeasible 83%"
    )
    assert lines[3:] == [f"The data set is {study}/dataset", f"The page is {study}/report/index.html"]


def test_a_study_without_a_page_is_told_so(tmp_path, capsys):
    assert main(["show", str(tmp_path / "nothing")]) == 2
    assert "nothing is no study: it has no folder 'config'" in capsys.readouterr().err
    (tmp_path / "config").mkdir()
    assert main(["show", str(tmp_path)]) == 2
    assert "has no report/index.html yet; expected a study that is finished: run snakemake" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "terminal", "platform", "may"),
    [
        (DESKTOP, True, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, "linux", True),
        ({"SSH_CONNECTION": "a", **DESKTOP}, True, "linux", True),  # X is forwarded
        ({"SSH_CONNECTION": "a"}, True, "linux", False),
        ({}, True, "linux", False),
        (DESKTOP, False, "linux", False),
        ({**DESKTOP, "CI": "true"}, True, "linux", False),
        ({**DESKTOP, "VARIREAL_BROWSER": "no"}, True, "linux", False),
        ({}, True, "darwin", True),
        ({"SSH_TTY": "/dev/pts/0"}, True, "darwin", False),
    ],
)
def test_a_page_opens_only_in_front_of_somebody(environ, terminal, platform, may):
    assert show.may_open(environ, terminal=terminal, platform=platform) is may


class Browser:
    def __init__(self, name):
        self.name, self.opened = name, []

    def open(self, address):
        self.opened.append(address)
        return True


@pytest.mark.parametrize(("name", "opens"), [("firefox", True), ("lynx", False)])
def test_only_a_browser_with_a_window_is_started(monkeypatch, tmp_path, name, opens):
    browser = Browser(name)
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    assert show.open_page(tmp_path / "index.html") is opens
    assert browser.opened == ([(tmp_path / "index.html").as_uri()] if opens else [])


def test_without_a_browser_nothing_happens(monkeypatch, tmp_path):
    def none():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert show.open_page(tmp_path / "index.html") is False
