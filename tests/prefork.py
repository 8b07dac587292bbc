"""Commands that start at once: forks of a process in which the libraries are loaded already.

A study in small is some forty processes, of which each spends its time on importing what the one before imported too:
half a second without models, 3 to 8 s with them. So the tests keep a process that has imported everything and does
nothing else; a command is a fork of it. What runs is the real command line with the arguments, environment, folder and
files of its caller, in a process of its own. Only what belongs to the start of a process is not as in reality: a test
of signals, kills, installations or imports starts its own (``kit.environment``).

``folder()`` is a virtual environment like the tests' own, but its ``varireal`` and ``snakemake`` ask for a fork:
Snakemake puts the folder of its own interpreter first on the path, and so finds them for its jobs too. All workers of
a run share one. There are two such processes, because a fork of one that holds model libraries takes longer.
"""

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import traceback
from pathlib import Path

import psutil
from filelock import FileLock

# Read when a library is loaded, so the fork would not notice them: with other values the command starts in reality.
# (OMP_NUM_THREADS, which Snakemake sets, is not among them: every stage takes one thread.)
_AT_IMPORT = ("PYTHONPATH", "MPLBACKEND", "HOME")
# and these by what the light process has not loaded:
_AT_IMPORT_OF_MODELS = ("HF_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_COMMANDS = ("varireal", "snakemake")
_SECONDS_BETWEEN_LOOKS = 2.0
_LIGHT = (
    *("numpy", "pandas", "pyarrow.parquet", "pyarrow.csv", "PIL.Image", "cv2", "scipy.ndimage", "skimage.color"),
    *("statsmodels.api", "matplotlib.figure", "jinja2", "pydantic", "yaml", "openai", "tenacity", "imagehash"),
    *("snakemake.cli", "snakemake.api", "snakemake.workflow", "snakemake.dag", "snakemake.scheduling"),
    *(f"varireal.stages.{name}" for name in ("images", "prompts", "masks", "edits", "verdicts", "dataset", "report")),
    *("varireal.cli", "varireal.study.layout", "varireal.judges.gates", "varireal.segmenters.grabcut"),
    *("varireal_demo.editor", "varireal_demo.scenes", "varireal_demo.birds"),
)
# Only where they are used: a fork of a process with all of them takes a tenth of a second.
_MODELS = (
    *("torch", "torchvision", "safetensors.torch", "open_clip", "peft", "transformers", "diffusers", "compel"),
    *(
        "varireal.stages.priors",
        "varireal.stages.adapters",
        "varireal.stages.predictions",
        "varireal.editors.diffusion.sdxl",
    ),
    *("varireal.judges.vlm", "varireal.segmenters.grounded_sam2", "tiny.models"),
)
_CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
told = {{"argv": sys.argv, "cwd": os.getcwd(), "environ": dict(os.environ), "umask": os.umask(0)}}
os.umask(told["umask"])
models = {models!r} in os.environ and sys.argv[1:2] and sys.argv[1] in {stages!r}
loaded = {{**{environ!r}, **({of_models!r} if models else {{}})}}
real = {real!r} + os.path.basename(sys.argv[0])
if any(os.environ.get(name) != value for name, value in loaded.items()):
    os.execv(real, [real, *sys.argv[1:]])
server = socket.socket(socket.AF_UNIX)
server.connect({place!r} + ("models" if models else "light"))
data = json.dumps(told).encode()
fds = array.array("i", [0, 1, 2])
server.sendmsg([len(data).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
server.sendall(data)
answer = server.makefile()
pid = int(answer.readline() or 0)
if pid == 0:
    sys.exit("the process that the tests' commands are forked from is no more")
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(number, lambda number, frame: os.kill(pid, number))
code = int(answer.readline() or 255)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""
# Where the run of the tests has its folder, and whether the stages of a study load models.
SHARED, MODELS = "VARIREAL_TESTS_SHARED", "VARIREAL_TESTS_MODELS"
_WITH_MODELS = ("masks", "priors", "edits", "verdicts", "adapters", "predictions", "replay")


def folder(*, models: bool) -> Path:
    """Folder with the commands; the processes behind them end with the run of the tests.

    Args:
        models: whether stages load models; then ``MODELS`` has to be set for them.
    """
    root = Path(os.environ[SHARED])
    with FileLock(root / "lock"):
        if not (root / "bin").exists():
            _make(root)
        for name, modules in (("light", _LIGHT), *([("models", (*_LIGHT, *_MODELS))] if models else [])):
            if not (root / name).exists():
                _start(root, root / name, modules)
    return root / "bin"


def _make(root: Path) -> None:
    """A virtual environment with the packages and programs of the tests' own, and other commands."""
    own = Path(sys.prefix)
    (root / "pyvenv.cfg").write_bytes((own / "pyvenv.cfg").read_bytes())
    packages = Path(sysconfig.get_path("purelib")).relative_to(own)
    (root / packages).parent.mkdir(parents=True)
    (root / packages).symlink_to(own / packages)
    (root / "bin").mkdir()
    for path in (own / "bin").iterdir():
        if path.name not in _COMMANDS:
            (root / "bin" / path.name).symlink_to(path.readlink() if path.is_symlink() else path)
    client = _CLIENT.format(
        python=Path(sys.executable).resolve(), environ={name: os.environ.get(name) for name in _AT_IMPORT},
        of_models={name: os.environ.get(name) for name in _AT_IMPORT_OF_MODELS},
        real=f"{own}/bin/", place=f"{root}/", models=MODELS, stages=_WITH_MODELS,
    )  # fmt: skip
    for name in _COMMANDS:
        command = root / "bin" / name
        command.write_text(client)
        command.chmod(0o755)


def _start(root: Path, place: Path, modules: tuple[str, ...]) -> None:
    listening, writing = os.pipe()
    subprocess.Popen(
        [root / "bin" / "python", __file__, str(place), str(writing), os.environ[f"{SHARED}_PID"], *modules],
        pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(listening) as ready:
        if ready.read() != "ready":
            raise RuntimeError(f"the process {place.name!r} that commands are forked from did not start")


def serve(place: str, ready: int, tests: int, modules: list[str]) -> None:
    """Import, and fork for whoever asks, until the process of the tests is no more."""
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a fork copies the pages that it writes to, and collecting writes to all of them
    server = socket.socket(socket.AF_UNIX)
    server.bind(place)
    server.listen(64)
    ended, waking = socket.socketpair()
    for end in (ended, waking):
        end.setblocking(False)
    signal.set_wakeup_fd(waking.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.write(ready, b"ready")
    os.close(ready)
    callers: dict[int, socket.socket] = {}
    while True:
        events, _, _ = select.select([server, ended], [], [], _SECONDS_BETWEEN_LOOKS)
        if not events and not psutil.pid_exists(tests):
            return
        if server in events:
            client, _ = server.accept()
            try:
                told, fds = _received(client)
            except (ConnectionError, ValueError):
                client.close()
                continue
            pid = os.fork()
            if pid == 0:
                for other in (server, ended, waking, client, *callers.values()):
                    other.close()
                _become(told, fds)
            for fd in fds:
                os.close(fd)
            callers[pid] = client
            _tell(client, pid)
        if ended in events:
            ended.recv(4096)
        _say_who_ended(callers)


def _say_who_ended(callers: dict[int, socket.socket]) -> None:
    while callers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        client = callers.pop(pid)
        _tell(client, os.waitstatus_to_exitcode(status))
        client.close()


def _tell(client: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):
        client.sendall(f"{number}\n".encode())


def _received(client: socket.socket) -> tuple[dict, list[int]]:
    head, ancillary, _, _ = client.recvmsg(8, socket.CMSG_LEN(3 * array.array("i").itemsize))
    fds = array.array("i")
    for _, _, data in ancillary:
        fds.frombytes(data)
    size, parts = int.from_bytes(head, "big"), b""
    while len(parts) < size:
        part = client.recv(size - len(parts))
        if not part:
            raise ConnectionError("the caller is no more")
        parts += part
    return json.loads(parts), list(fds)


def _become(told: dict, fds: list[int]) -> None:
    """Be the command, from here to the end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.umask(told["umask"])
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["environ"])
    sys.argv = told["argv"]
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    code: object = 1
    try:
        if Path(sys.argv[0]).name == "snakemake":
            from snakemake.cli import main
        else:
            from varireal.cli import main
        code = main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as an interpreter does at its end
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    _at_exit()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


def _at_exit() -> None:
    threading._shutdown()  # threads that are waited for at the end of a process
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
