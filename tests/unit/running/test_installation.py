import os
import shlex
import shutil
import subprocess
import sys

import pytest
from snakemake.deployment import singularity

from kit import ROOT
from varireal import __version__
from varireal.cli import main
from varireal.commands import COMMANDS
from varireal.running import installation

# What a shell, a list of folders and Snakemake's templates take for their own signs.
ODD = "a 'b\" $HOME {c} #d"


def fake(folder, text="another"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "varireal").write_text(f"#!/bin/sh\necho '{text}'\n")
    (folder / "varireal").chmod(0o755)
    return str(folder)


def answer():
    command = ["sh", "-c", "exec varireal --version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def interpreter(folder, monkeypatch):
    """This interpreter under another path."""
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))


@pytest.fixture
def other_first(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join((fake(tmp_path / "other"), os.environ["PATH"])))
    assert answer() == "another\n"


def test_the_command_beside_the_interpreter_is_first(other_first):
    installation.put_first()
    assert answer() == f"varireal {__version__}\n"
    path = os.environ["PATH"]
    installation.put_first()
    assert os.environ["PATH"] == path


def test_a_folder_with_odd_signs(other_first, tmp_path, monkeypatch):
    interpreter(tmp_path / ODD, monkeypatch)
    fake(tmp_path / ODD, "mine")
    installation.put_first()
    assert answer() == "mine\n"


@pytest.mark.parametrize("name", [ODD, "colon:in it"])
def test_where_path_cannot_name_the_command(other_first, tmp_path, monkeypatch, name):
    """No command beside the interpreter, or a colon, at which PATH would be cut: a folder with one is made."""
    interpreter(tmp_path / name, monkeypatch)
    if ":" in name:
        fake(tmp_path / name)
    (tmp_path / "here" / "varireal").mkdir(parents=True)
    (tmp_path / "here" / "varireal" / "__init__.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path / "here")
    installation.put_first()
    assert answer() == f"varireal {__version__}\n"


@pytest.fixture
def command(monkeypatch):
    """The prefix before a command that prints its number and what it was told."""
    monkeypatch.setattr(installation, "_place", lambda: ODD)
    code = f"import os; print(os.getpid(), os.environ['{installation.EXPECTED}'])"
    return installation.shell_prefix().format() + shlex.join([sys.executable, "-c", code])


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_prefix_tells_the_version_and_takes_the_shells_place(shell, command):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    process = subprocess.Popen([shell, "-c", command], stdout=subprocess.PIPE, text=True)
    assert process.communicate()[0] == f"{process.pid} {__version__} {ODD}\n"


def test_the_prefix_gets_into_a_container_that_is_started_clean(command, tmp_path, monkeypatch):
    """With the command that Snakemake makes, and a stand-in for Apptainer that keeps no variable."""
    (tmp_path / "singularity").write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo singularity version 3.9.0; exit; fi\n'
        'while [ "$1" != -c ]; do shift; done\n'
        'exec env -i sh -c "$2"\n'
    )
    (tmp_path / "singularity").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(singularity.Singularity, "instance", None)
    line = singularity.shellcmd("image.sif", command)
    process = subprocess.Popen(["sh", "-c", f"exec {line.strip()}"], stdout=subprocess.PIPE, text=True)
    assert process.communicate()[0] == f"{process.pid} {__version__} {ODD}\n"


@pytest.mark.parametrize(
    "name", [name for name, command in COMMANDS.items() if command.slice_model] + ["config-write"]
)
def test_another_version_is_refused_by_every_command_of_the_workflow(name, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(installation.EXPECTED, "9.8.7 /there/my site/varireal")
    monkeypatch.chdir(tmp_path)
    words = []
    for option in COMMANDS[name].options:
        if option.default is ...:
            words += [option.flag, (option.choices or ("0",))[0]]
    assert main([name, *words]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    for word in ("9.8.7", "/there/my site/varireal", __version__, str(ROOT / "src" / "varireal"), "install 9.8.7"):
        assert word in text
    assert list(tmp_path.iterdir()) == []


def test_the_same_version_elsewhere_and_none_are_fine(monkeypatch):
    monkeypatch.setenv(installation.EXPECTED, f"{__version__} /elsewhere")
    installation.check_version()
    monkeypatch.delenv(installation.EXPECTED)
    installation.check_version()
