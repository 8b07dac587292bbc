"""One file that stands for the prompts of all classes.

Every job of edits depends on every class's prompts. With 200 classes and 5,000 jobs that is two million files for the
workflow to look at; through this one file it is 5,000.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from varireal.errors import DataError
from varireal.files import write_whole
from varireal.plaintext import few
from varireal.seeds import digest


def gather(*, records: Sequence[Path], output: Path) -> int:
    """Write the digest of each class's record.

    Args:
        records: what the stage prompts said of each class's file.
        output: JSON file, class id to digest, in the order of the records.
    """
    found = {path.stem: digest(path.read_text("utf-8"), size=8) for path in records}
    write_whole(output, json.dumps(found) + "\n")
    return 0


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
