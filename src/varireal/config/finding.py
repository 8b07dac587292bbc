"""Which config a study has, and reading it: the files that were given, or those that its workflow was started with."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from varireal.config.model import Config, parse_config
from varireal.config.study import StudyConfig
from varireal.core.files import error_text, merged
from varireal.errors import ConfigError
from varireal.running.workflow import start_of

DEFAULT_FILE = Path("config.yaml")
_FOLDER = Path("studies")


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """Where a study's config comes from.

    Attributes:
        files: config files, each on top of the one before.
        place: the study's folder, or something in it, that the config must be of; None when none was named.
        values: given on the command line of the workflow, on top of the files.
        arguments: the same as Snakemake's words.
        replaces: whether ``config.yaml`` is left out where no file was given either.
    """

    files: tuple[Path, ...] = ()
    place: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    replaces: bool = False

    @property
    def options(self) -> list[str]:
        """The options of Snakemake that give it the same config."""
        words = ["--configfile", *map(str, self.files)] if self.files else []
        words += ["--config", *self.arguments] if self.arguments else []
        return [*words, "--replace-workflow-config"] if self.replaces else words

    @property
    def layers(self) -> tuple[Path, ...]:
        """The files that are read: the given ones, else ``config.yaml`` when there is one, as in the Snakefile."""
        there = DEFAULT_FILE.is_file() and not self.replaces
        return self.files or ((DEFAULT_FILE,) if there else ())

    def load(self) -> Config:
        """The config, as the workflow reads it.

        Raises:
            ConfigError: a file is missing, the config is not valid, or it is not the named study's.
        """
        config = load_config(self.layers, self.values)
        root = _root(config.study.name, config.study.results)
        if self.place is not None and not _inside(self.place, root):
            files = ", ".join(map(str, self.layers)) or "no config file"
            raise ConfigError(
                f"{self.place} is not of the study of {files}, whose folder is {root}; give the config of "
                f"{self.place} with --configfile"
            )
        return config


def config_source(configfile: Sequence[Path], place: Path | None = None) -> ConfigSource:
    """The config files of a study.

    Args:
        configfile: as given by a person; they go before all else.
        place: the study's folder, or something in it.

    Returns:
        The given files; else those that the study's workflow was started with; else, for a study from before that was
        noted, the one file here that names the study. Without a place ``config.yaml`` alone.

    Raises:
        ConfigError: no file is known or there are several, or one that the workflow was started with is gone.
    """
    if configfile or place is None:
        return ConfigSource(tuple(configfile), place)
    here = Path.cwd()
    place_now = Path(os.path.normpath(place.absolute()))  # links stay: results may be one
    for study in (place_now, *place_now.parents):
        if (start := start_of(study)) is None:
            continue
        project = start.project(study)
        if project.is_dir() and not project.samefile(here):
            raise ConfigError(f"{place} is a study of {project}; run this in that folder, or give --configfile")
        # as a person would type them here
        paths = start.files(project)
        files = tuple(path.relative_to(here) if path.is_relative_to(here) else path for path in paths)
        return ConfigSource(files, place, start.config, start.arguments, start.replaces)
    return ConfigSource(_named_here(place), place)


def _named_here(place: Path) -> tuple[Path, ...]:
    """The config file in this folder, or in ``studies``, whose study the place belongs to."""
    files = [path for path, root in _studies_here() if _inside(place, root)]
    if len(files) == 1:
        return () if files == [DEFAULT_FILE] else tuple(files)
    if files:
        raise ConfigError(f"{place}: {' and '.join(map(str, files))} name this study; say which with --configfile")
    raise ConfigError(
        f"{place}: no config file is known for this study; its workflow has left no note, and no file here or in "
        f"'{_FOLDER}' names it; give the file with --configfile"
    )


def _studies_here() -> Iterator[tuple[Path, Path]]:
    """Config files that name a study, with its folder."""
    paths = [*Path().glob("*.y*ml"), *_FOLDER.glob("*.y*ml")]
    for path in sorted(path for path in paths if not path.name.startswith(".")):
        block = _study_block(path)
        if "name" in block or path == DEFAULT_FILE:
            study = {"name": StudyConfig().name, "results": StudyConfig().results, **block}
            yield path, _root(str(study["name"]), str(study["results"]))


def _study_block(path: Path) -> dict[str, Any]:
    """What a file says of its study; nothing when it is no config file."""
    try:
        block = read_yaml(path).get("study")
    except ConfigError:
        return {}
    return block if isinstance(block, dict) else {}


def _root(name: str, results: str) -> Path:
    return Path(os.path.normpath(f"{results}/{name}"))


def _inside(place: Path, root: Path) -> bool:
    """Whether a place is a folder or in it, whatever links lead there."""
    return place.resolve().is_relative_to(root.resolve())


def load_config(paths: Iterable[Path], values: Mapping[str, Any] | None = None) -> Config:
    """Read config files, each on top of the one before, as ``snakemake --configfile`` does; none gives the defaults.

    Args:
        paths: the files.
        values: on top of them, as ``snakemake --config`` gives them.

    Raises:
        ConfigError: a file is missing, is not YAML, or the whole is not a valid config.
    """
    raw: dict[str, Any] = {}
    files = list(paths)
    for path in files:
        raw = merged(raw, read_yaml(path))
    raw = merged(raw, values or {})
    return parse_config(raw, place=", ".join(str(path) for path in files) or "defaults")


def read_yaml(path: Path) -> dict[str, Any]:
    """A config file as it is.

    Raises:
        ConfigError: it is missing, is not YAML, or no mapping.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error_text(error)}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {type(raw).__name__}, expected a mapping of keys such as 'study:'")
    return raw
