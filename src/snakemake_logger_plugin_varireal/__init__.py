"""The logger plugin of VariReal: how far a study is, where Snakemake alone would say which jobs it selects.

Snakemake finds it by the name of this package, and the workflow's default profile chooses it (``logger: varireal``).
It is imported by every ``snakemake``, of every job on a cluster too, so all that it needs is imported when it is used.
"""

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

if TYPE_CHECKING:
    from varireal.tools.progress_view import ProgressView

_AUTO, _LIVE, _LINES, _SNAKEMAKE = "auto", "live", "lines", "snakemake"


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the plugin.

    Attributes:
        view: how progress is shown.
    """

    view: str = field(
        default=_AUTO,
        metadata={
            "help": "How progress is shown: live (one view on a terminal), lines (a line when a stage or setting is "
            "done, and now and then one of what is at work), snakemake (Snakemake's own messages), or auto: live on a "
            "terminal, else lines.",
            "env_var": True,
            "choices": [_AUTO, _LIVE, _LINES, _SNAKEMAKE],
        },
    )


class LogHandler(LogHandlerBase):
    """Takes Snakemake's records and shows what they mean for the study."""

    def __post_init__(self) -> None:
        """Choose between the view and Snakemake's own messages."""
        from varireal.running.logs import QUIET
        from varireal.running.snakemake_side import is_quiet, snakemake_handler
        from varireal.tools.progress_view import ProgressView, can_be_live

        settings, view = self.common_settings, getattr(self.settings, "view", None) or _AUTO
        self._plain = snakemake_handler(settings)
        self._whole = settings.dryrun or settings.verbose or settings.debug_dag or view == _SNAKEMAKE
        self._rules = not is_quiet(settings, "rules")
        self._view: ProgressView | None = None
        if not (self._whole or is_quiet(settings, "progress")):
            live = view == _LIVE or (view == _AUTO and can_be_live(sys.stderr))
            self._view = ProgressView(sys.stderr, live=live, color=not settings.nocolor)
        if not self._whole:
            os.environ[QUIET] = "1"  # the jobs' own last lines would say the same again, and tear a live view

    def begin(self, root: Path, jobs: Mapping[int, str]) -> None:
        """Show the jobs of a study from now on."""
        if self._view is not None:
            self._view.begin(root, jobs)

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or what it means."""
        try:
            if self._whole:
                self._plain.handle(record)
            else:
                self._show(record)
        except Exception:  # noqa: BLE001 - a fault of the view must not end a study
            self.handleError(record)

    def _show(self, record: logging.LogRecord) -> None:
        event, facts = getattr(record, "event", None), record.__dict__
        if event in (LogEvent.WORKFLOW_STARTED, LogEvent.RESOURCES_INFO, LogEvent.RUN_INFO, LogEvent.JOB_STARTED):
            return
        view = self._view
        if view is not None and view.begun and event in _EVENTS:
            self._show_job(view, event, facts)
            return
        if event is None or event == LogEvent.ERROR:
            self._show_words(record)
        else:
            self._plain.handle(record)

    def _show_job(self, view: "ProgressView", event: LogEvent, facts: Mapping[str, Any]) -> None:
        if event == LogEvent.JOB_INFO:
            view.start(facts["jobid"])
        elif event == LogEvent.JOB_FINISHED:
            view.finish(facts["job_id"])
        elif event == LogEvent.JOB_ERROR:
            from varireal.running.workflow import Failure

            log = Path(facts["log"][0]) if facts.get("log") else None
            failure = Failure(str(facts.get("rule_name", "")), log, str(facts.get("rule_msg") or ""))
            view.fail(facts["jobid"], failure, shown=self._rules)

    def _show_words(self, record: logging.LogRecord) -> None:
        from varireal.running.snakemake_side import LOOKING, reworded

        if not self._plain.filter(record):
            return
        words = reworded(self._plain.format(record).strip())
        if not words or words == "None":
            return
        if self._view is not None:
            self._view.say(words)
        elif words != LOOKING:  # with --quiet
            sys.stderr.write(words + "\n")

    def close(self) -> None:
        """Say how it ended, and give the terminal back."""
        view: ProgressView | None = getattr(self, "_view", None)
        if view is not None:
            view.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own handler."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """It writes no file."""
        return False

    @property
    def has_filter(self) -> bool:
        """What is shown is decided here: the view needs records that ``--quiet rules`` keeps from the screen."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Snakemake's formatter is used where its own words are shown."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """It draws no graph."""
        return False


_EVENTS = (LogEvent.JOB_INFO, LogEvent.JOB_FINISHED, LogEvent.JOB_ERROR, LogEvent.PROGRESS)
