"""The command line: one sub-command per stage, and a few for people.

Expected problems are one line on the screen and exit code 2 (a traceback with ``--debug``); Ctrl-C is 130; 75 is
a stage that a signal stopped between two items. A stage's module is imported only when its command was chosen.
"""

import argparse
import difflib
import importlib
import itertools
import logging
import os
import re
import sys
import textwrap
import time
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from varireal import __version__
from varireal.commands import COMMANDS, PEOPLE, STAGE, WORKFLOW, Command
from varireal.core.files import error_text
from varireal.core.stages import Option
from varireal.errors import BackendError, VariRealError
from varireal.running import installation, logs, room, stopping

logger = logging.getLogger(__name__)

EXIT_EXPECTED, EXIT_INTERRUPTED = 2, 130

_WIDTH = 80
_USAGE = "varireal COMMAND [options]; varireal COMMAND --help says which"
_DESCRIPTION = """Gated feasible and infeasible edits of real photos.

To begin with:  varireal init my_study --photos PATH"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command, each under its words joined by '-'; building it loads no stage."""
    layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(prog="varireal", usage=_USAGE, description=_DESCRIPTION, epilog=_all(), **layout)
    parser.add_argument("--version", action="version", version=f"varireal {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, help=argparse.SUPPRESS)
    for name, command in COMMANDS.items():
        text, below = textwrap.fill(command.help, _WIDTH), _listed(f"{name}-")
        sub = subparsers.add_parser(name, prog=f"varireal {shown(name)}", description=text, epilog=below, **layout)
        _add_options(sub, command)
    for word in dict.fromkeys(name.partition("-")[0] for name in COMMANDS if "-" in name):
        if word not in COMMANDS:
            usage = f"varireal {word} COMMAND [options]"
            subparsers.add_parser(word, usage=usage, epilog=_listed(f"{word}-"), **layout)
    return parser


def shown(name: str) -> str:
    """A command as it is typed."""
    return name.replace("-", " ")


def _all() -> str:
    return "\n\n".join(f"{group}:\n{_rows(group=group)}" for group in (PEOPLE, STAGE, WORKFLOW))


def _listed(beginning: str) -> str:
    rows = _rows(beginning=beginning)
    return f"commands:\n{rows}" if rows else ""


def _rows(*, group: str | None = None, beginning: str = "") -> str:
    """Commands with what they do, in two columns."""
    rows = []
    for name, command in COMMANDS.items():
        if name.startswith(beginning) and group in (None, command.group):
            indent: dict[str, Any] = {"initial_indent": f"  {shown(name):<16}  ", "subsequent_indent": " " * 20}
            rows.append(textwrap.fill(command.help, _WIDTH, break_on_hyphens=False, **indent))
    return "\n".join(rows)


def _add_options(parser: argparse.ArgumentParser, command: Command) -> list[argparse.Action]:
    """Add what a command takes; return the options that are paths."""
    paths = [action for option in command.options if (action := _add(parser, option)).type is Path]
    log_help = "file for all messages; the screen then shows the summary and errors"
    paths.append(parser.add_argument("--log", type=Path, help=log_help))
    parser.add_argument("--verbose", action="store_true", help="more messages")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return paths


def print_completion(*, shell: str) -> int:
    """Print a shell's script that completes words, options and paths.

    Raises:
        BackendError: shtab is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise BackendError("shtab is not installed; pip install shtab") from error
    parser = argparse.ArgumentParser(prog="varireal")
    parser.add_argument("--version", action="store_true", help="print the version")
    words = parser.add_subparsers()
    parsers: dict[str, argparse.ArgumentParser] = {}
    below: dict[str, Any] = {}
    for name in sorted(COMMANDS):  # a word before its sub-commands
        first, _, second = name.partition("-")
        if first not in parsers:
            parsers[first] = words.add_parser(first, help=_in_short(first))
        if second:
            below[first] = below.get(first) or parsers[first].add_subparsers()
        sub = below[first].add_parser(second, help=_in_short(name)) if second else parsers[first]
        for action in _add_options(sub, COMMANDS[name]):
            vars(action)["complete"] = shtab.FILE
    sys.stdout.write(shtab.complete(parser, shell=shell) + "\n")
    return 0


def _in_short(name: str) -> str:
    """The first part of what a command does, for a list of completions."""
    return re.split(r"[:;,]", COMMANDS[name].help)[0] if name in COMMANDS else f"commands about {name}"


def _add(parser: argparse.ArgumentParser, option: Option) -> argparse.Action:
    settings: dict[str, Any] = {"help": option.help, "dest": option.dest}
    if option.kind is bool:
        settings["action"] = "store_true"
    else:
        settings |= {"type": option.kind, "required": option.default is ..., "metavar": option.metavar}
        if option.many:
            settings["nargs"] = "*"
        if option.choices:
            settings["choices"] = option.choices
        if option.default is not ...:
            settings["default"] = option.default
    if option.flag:
        return parser.add_argument(option.flag, **settings)
    required = settings.pop("required", True)
    settings.pop("dest")
    if not required and not option.many:
        settings["nargs"] = "?"
    return parser.add_argument(option.dest, **settings)


def join_words(argv: Sequence[str]) -> list[str]:
    """``prompts check`` is the command ``prompts-check``; both spellings work."""
    joined = "-".join(argv[:2])
    return [joined, *argv[2:]] if len(argv) > 1 and joined in COMMANDS else list(argv)


def unknown_words(argv: Sequence[str]) -> str | None:
    """What to say of words that are no command; None when they are one, or begin with an option."""
    known = {*COMMANDS, *map(shown, COMMANDS)}
    words = list(itertools.takewhile(lambda word: not word.startswith("-"), argv[:2]))
    below = [name for name in COMMANDS if name.startswith(f"{words[0]}-")] if words else []
    typed = " ".join(words)
    if not words or typed in known or (words[0] in COMMANDS and not below):
        return None
    if below and len(words) == 1:
        more = ", ".join(f"'varireal {shown(name)}'" for name in below)
        return None if len(argv) > 1 else f"'varireal {typed}' is not a whole command; expected one of {more}"
    near = difflib.get_close_matches(typed, known, 1) or difflib.get_close_matches(words[0], known, 1)
    hint = f"did you mean 'varireal {shown(near[0])}'?" if near else "'varireal --help' lists them"
    return f"there is no command 'varireal {typed if below or ' ' in ''.join(near) else words[0]}'; {hint}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if problem := unknown_words(argv):
        sys.stderr.write(f"error: {problem}\n")
        return EXIT_EXPECTED
    parser = build_parser()
    args = parser.parse_args(join_words(argv))
    if args.command not in COMMANDS:
        parser.error(f"'varireal {args.command}' is not a whole command")
    command = COMMANDS[args.command]
    try:
        installation.check_version()
        with _alone(command, args):
            logs.set_up(args.log, verbose=args.verbose, debug=args.debug)
            return _run(command, args)
    except VariRealError as error:
        return _fail(args, error_text(error), error)
    except OSError as error:
        return _fail(args, room.os_error_text(error), error)
    except stopping.StoppedError as error:
        logger.log(logs.SUMMARY, "%s: %s", shown(args.command), error)
        return stopping.EXIT_STOPPED
    except KeyboardInterrupt:
        logger.debug("failed: %s", stopping.INTERRUPTED)
        if not logs.is_quiet(args.log):
            sys.stderr.write("interrupted; what was finished is kept, run the same command again to go on\n")
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be told from a mistake
        return _fail(args, f"unexpected {type(error).__name__}: {error_text(error)} (this is a bug)", error, code=1)


def entry() -> None:
    """The console script."""
    raise SystemExit(main())


def _alone(command: Command, args: argparse.Namespace) -> AbstractContextManager[None]:
    """From here on a stage listens to signals, and no second process has the same job."""
    if command.slice_model is None:
        return nullcontext()
    stopping.listen()
    place = getattr(args, "store", None) or args.log
    if place is None:
        return nullcontext()
    from varireal.running.locks import sole_process

    return sole_process(place)


def _run(command: Command, args: argparse.Namespace) -> int:
    start = time.monotonic()
    target, _, function = command.target.partition(":")
    values = {option.dest: getattr(args, option.dest) for option in command.options}
    if command.slice_model is not None:
        _single_thread()
    run = getattr(importlib.import_module(target), function)
    if command.slice_model is None:
        return int(run(**values))
    from varireal.config import slices
    from varireal.store import tables

    tables.leave_out_pandas()
    config = slices.read_slice(values.pop("config"), getattr(slices, command.slice_model))
    logger.info("varireal %s %s, config %s", __version__, args.command, slices.slice_digest(config))
    from varireal.stages.job import run_job

    summary = run_job(run, args.command, config, values, args.log)
    for line in summary.lines:
        logger.log(logs.SUMMARY, "%s", line)
    line = logs.summary_line(args.command, summary.counts, time.monotonic() - start, computed=summary.computed)
    logger.log(logs.SUMMARY, "%s", line)
    return 0


def _single_thread() -> None:
    """Jobs run side by side, and the number of threads must not change a pixel. Before numpy is loaded."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    from varireal.running.parallel import single_thread

    single_thread()


def _fail(args: argparse.Namespace, message: str, error: BaseException, code: int = EXIT_EXPECTED) -> int:
    if args.debug:
        traceback.print_exception(error)
    where = f" [log: {args.log}]" if args.log is not None else ""
    if not (logs.is_quiet(args.log) and args.log.is_file()):
        sys.stderr.write(f"error: {shown(args.command)}: {message}{where}\n")
    if args.log is not None:
        # the log of a mistake is shown on the screen, where only a bug needs its traceback
        logger.debug("failed: %s", message, exc_info=error if code != EXIT_EXPECTED else None)
    return code
