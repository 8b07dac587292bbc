"""The command line: one sub-command per stage, and a few for people.

Expected problems are one line on the screen and exit code 2 (a traceback with ``--debug``); Ctrl-C is 130; 75 is
a stage that a signal stopped between two items. A stage's module is imported only when its command was chosen.
"""

import argparse
import importlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from varireal import __version__
from varireal.commands import COMMANDS, Command
from varireal.core.files import error_text
from varireal.core.stages import Option
from varireal.errors import VariRealError
from varireal.running import installation, logs, room, stopping

logger = logging.getLogger(__name__)

EXIT_EXPECTED, EXIT_INTERRUPTED = 2, 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; importing and building it loads no stage."""
    parser = argparse.ArgumentParser(
        prog="varireal",
        description="Gated feasible and infeasible edits of real photos. The workflow calls the stages; "
        "'snakemake --cores all' runs them all.",
    )
    parser.add_argument("--version", action="version", version=f"varireal {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = subparsers.add_parser(name, help=command.help, description=command.help)
        for option in command.options:
            _add(sub, option)
        sub.add_argument(
            "--log", type=Path, help="file for all messages; the screen then shows the summary and errors"
        )
        sub.add_argument("--verbose", action="store_true", help="more messages")
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
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
        parser.add_argument(option.flag, **settings)
    else:
        required = settings.pop("required", True)
        settings.pop("dest")
        if not required and not option.many:
            settings["nargs"] = "?"
        parser.add_argument(option.dest, **settings)


def join_words(argv: Sequence[str]) -> list[str]:
    """``prompts check`` is the command ``prompts-check``; both spellings work."""
    joined = "-".join(argv[:2])
    return [joined, *argv[2:]] if len(argv) > 1 and joined in COMMANDS else list(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(join_words(sys.argv[1:] if argv is None else argv))
    command = COMMANDS[args.command]
    try:
        installation.check_version()
        with _alone(command, args):
            logs.set_up(args.log, verbose=args.verbose)
            return _run(command, args)
    except VariRealError as error:
        return _fail(args, error_text(error), error)
    except OSError as error:
        return _fail(args, room.os_error_text(error), error)
    except stopping.StoppedError as error:
        logger.log(logs.SUMMARY, "%s: %s", args.command, error)
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
        sys.stderr.write(f"error: {args.command}: {message}{where}\n")
    if args.log is not None:
        # the log of a mistake is shown on the screen, where only a bug needs its traceback
        logger.debug("failed: %s", message, exc_info=error if code != EXIT_EXPECTED else None)
    return code
