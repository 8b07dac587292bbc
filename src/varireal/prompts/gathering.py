"""One file that stands for the prompts of all classes.

Every job of edits depends on every class's prompts. With 200 classes and 5,000 jobs that is two million files for the
workflow to look at; through this one file it is 5,000.
"""

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from varireal.core.files import few, write_whole
from varireal.core.seeds import digest
from varireal.errors import ConfigError, DataError
from varireal.prompts.class_file import read_class_file, setting_digests
from varireal.records import Prompt

Texts = dict[str, tuple[str, str, str]]

SEEN = ".seen"  # folder beside the prompt files
_BELOW = "below_minimum"  # key of a record, only where a setting has too few prompts
_SHOWN = 20  # a message names at most so many settings; the log has all

logger = logging.getLogger(__name__)


def texts_of(prompts: Iterable[Prompt], attribute: str, feasibility: str) -> Texts:
    """Prompt id -> name, description and colour, of one setting."""
    return {
        prompt.prompt_id: (prompt.name, prompt.description, prompt.rgb)
        for prompt in prompts
        if (prompt.attribute, prompt.feasibility) == (attribute, feasibility)
    }


def remember(files: Sequence[Path], attribute: str, feasibility: str, name: str) -> None:
    """Keep the texts of a setting under the digest that makes its edits run again.

    The prompt files hold only what they say now; by these copies ``varireal why`` can show the old text of a prompt.
    Nothing happens when they are kept already, or cannot be.

    Args:
        files: prompt files of all classes, in the order that the digest was taken in.
        attribute: what is edited.
        feasibility: the arm.
        name: the digest that the workflow runs edits by; empty when a stage is run by hand.

    Raises:
        ConfigError: a file is not a prompt file.
    """
    if not name or not files or _place(files, name).exists():
        return
    classes = [read_class_file(path) for path in files]
    # a person may have edited a file since the workflow was parsed
    name = digest(*(setting_digests(prompts)[attribute, feasibility] for prompts in classes), size=8)
    texts = texts_of((prompt for prompts in classes for prompt in prompts), attribute, feasibility)
    # jobs of other shards may write the same file at the same time, and a result is worth more than its memory
    with contextlib.suppress(OSError):
        write_whole(_place(files, name), json.dumps(texts, sort_keys=True) + "\n")


def _place(files: Sequence[Path], name: str) -> Path:
    return files[0].parent / SEEN / f"{name}.json"


def gather(*, records: Sequence[Path], output: Path) -> int:
    """Write the digest of each class's record, unless a class has too few prompts.

    Args:
        records: what the stage prompts said of each class's file.
        output: JSON file, class id to digest, in the order of the records.

    Raises:
        ConfigError: settings have fewer prompts than the study's minimum; the prompt files stay as they are.
    """
    texts = {path.stem: path.read_text("utf-8") for path in records}
    short = [line for path in records if _BELOW in texts[path.stem] for line in _too_few(path, texts[path.stem])]
    if short:
        for _, line in short[_SHOWN:]:
            logger.warning("too few prompts as well: %s", line)
        names = [name for name, _ in short]
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        who = "1 setting has" if len(short) == 1 else f"{len(short)} settings have"
        raise ConfigError(
            f"{who} fewer prompts than prompts.minimum: "
            f"{few([line for _, line in short], _SHOWN)}; all that was written stays in {records[0].parent.parent}. "
            "Add prompts to the files there, change prompts.openai (another model, more attempts), or set "
            f"prompts.leave_out: [{listed}], or prompts.minimum: 0 to go on with what there is"
        )
    digests = {name: digest(text, size=8) for name, text in texts.items()}
    write_whole(output, json.dumps(digests) + "\n")
    return 0


def _too_few(record: Path, text: str) -> Iterator[tuple[str, str]]:
    """Each setting that a class's file has too few prompts for now, and a line; a person may have added some."""
    facts = json.loads(text)
    prompts = read_class_file(record.parent.parent / f"{record.stem}.yaml")
    for name in facts[_BELOW]:
        have = sum(f"{prompt.attribute}/{prompt.feasibility}" == name for prompt in prompts)
        if have < facts["minimum"]:
            place = f"{record.stem}/{name}"
            yield place, f"{place} has {have} of {facts['minimum']}{because(facts['settings'][name]['refused'])}"


def because(reasons: Mapping[str, int]) -> str:
    """Why prompts were refused, the commonest reason first; empty when none was."""
    ordered = sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    return f" (refused: {', '.join(f'{code} {count}' for code, count in ordered)})" if ordered else ""


def class_files(given: Sequence[Path]) -> list[Path]:
    """Prompt files out of what a stage was given: such files, or the gathered file of a study, which stands for them.

    So the commands of thousands of jobs, and the logs that show them, do not grow with the classes.

    Raises:
        DataError: the gathered file is damaged.
    """
    return [path for one in given for path in (_gathered(one) if one.suffix == ".json" else [one])]


def _gathered(path: Path) -> list[Path]:
    try:
        classes = list(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be used ({error}); delete it and run again") from error
    if strange := [name for name in classes if not isinstance(name, str) or Path(name).name != name]:
        raise DataError(f"{path} names the class {strange[0]!r}, which no file can have; delete it and run again")
    folder = path.parent.parent
    return [folder / f"{class_id}.yaml" for class_id in classes]


def no_prompt_file(class_id: str, known: Iterable[str]) -> DataError:
    """That a class has no file among those of other classes."""
    return DataError(f"no prompt file for class {class_id!r} was given; found those of {few(sorted(known))}")
