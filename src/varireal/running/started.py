"""A note in the study's folder of what its workflow was started with, so that commands find the study's config.

It is no input of a rule: what it says changes no result.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from varireal.core.files import error_text, write_whole
from varireal.core.paths import StudyPaths
from varireal.errors import ConfigError

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Start:
    """What a workflow was started with.

    Attributes:
        root: the study's folder, as the workflow names it.
        folder: the folder that the workflow was started in.
        configfiles: config files; those in the folder relative to it, so that it may be moved, others absolute.
        config: values that were given on the command line, on top of the files.
        arguments: the same as Snakemake's words, ``KEY=VALUE``.
        replaces: whether ``config.yaml`` was left out (``--replace-workflow-config``).
    """

    root: str
    folder: str
    configfiles: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    replaces: bool = False

    def project(self, study: Path) -> Path:
        """The folder that the workflow is in now, which may have been moved or copied with the study.

        Args:
            study: absolute path that the study has now.
        """
        ends = os.sep + os.path.normpath(self.root)
        moved = not Path(self.root).is_absolute() and str(study).endswith(ends)
        return Path(str(study).removesuffix(ends) or os.sep) if moved else Path(self.folder)

    def files(self, project: Path) -> list[Path]:
        """The config files, where they are now.

        Args:
            project: the folder that the workflow is in now.

        Raises:
            ConfigError: one is gone.
        """
        files = []
        for name in self.configfiles:
            places = (project / name, Path(self.folder, name))
            there = next((place for place in places if place.is_file()), None)
            if there is None:
                raise ConfigError(
                    f"{self.root} was started with --configfile {name}, which is not in {project} any more; give the "
                    "study's config with --configfile"
                )
            files.append(there)
        return files


def note_start(start: Start) -> None:
    """Keep what a workflow was started with."""
    facts = {"schema": _SCHEMA, **asdict(start)}
    write_whole(Path(StudyPaths(start.root).started), json.dumps(facts, indent=1, default=str) + "\n")


def start_of(study: Path) -> Start | None:
    """What a study's workflow was last started with; None when it has no note.

    Raises:
        ConfigError: the note is damaged.
    """
    note = Path(StudyPaths(str(study)).started)
    if not note.is_file():
        return None
    try:
        facts = json.loads(note.read_text(encoding="utf-8"))
        return Start(
            str(facts["root"]),
            str(facts["folder"]),
            tuple(map(str, facts["configfiles"])),
            dict(facts["config"]),
            tuple(map(str, facts["arguments"])),
            bool(facts["replaces"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{note} is damaged ({error_text(error)}); delete it, or give --configfile") from error
