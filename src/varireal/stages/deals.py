"""Which prompts each photo gets, worked out once per class of a study and not again by every job.

A class is dealt as a whole, and every shard has photos of most classes: without a memory the work would grow with
photos times shards. The memory is one file per setting that all its jobs share. It holds nothing that could not be
worked out again: a line counts only when its digest says that it was dealt from the same things, a lost or damaged one
is dealt anew, and of two jobs that write at once the last one wins.
"""

import json
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from varireal.prompting.deal import deal
from varireal.prompting.files import read_class_file
from varireal.prompting.gathering import no_prompt_file
from varireal.records import Prompt
from varireal.seeds import digest

logger = logging.getLogger(__name__)

_VERSION = 1


class Deals:
    """The deals of one setting.

    Args:
        memory: file that the jobs of the setting share.
        files: prompt files.
        attribute: background, color or texture.
        feasibility: the arm.
        per_image: edits per photo.
        seed: seed of the study.
    """

    def __init__(
        self, memory: Path, files: Sequence[Path], *, attribute: str, feasibility: str, per_image: int, seed: int
    ) -> None:
        self._memory = memory
        self._files = {path.stem: path for path in files}
        self._setting = (attribute, feasibility)
        self._per_image, self._seed = per_image, seed

    def dealt(self, members: Mapping[str, Sequence[str]]) -> dict[str, dict[str, list[Prompt]]]:
        """Prompts of each photo, by class and then by photo.

        Args:
            members: ids of all photos of each class, in any order.

        Raises:
            ConfigError: a file is not a prompt file; the message has its line.
            DataError: a class has no file.
        """
        for class_id in sorted(members.keys() - self._files.keys()):
            raise no_prompt_file(class_id, self._files)
        lines = self._remembered()
        found: dict[str, dict[str, list[Prompt]]] = {}
        fresh: dict[str, str] = {}
        for class_id, ids in members.items():
            key = self._key(class_id, ids)
            known_deal = _read(lines.get(class_id, ""), key)
            if known_deal is None:
                prompts = self._prompts(class_id)
                known_deal = deal(prompts, ids, per_image=self._per_image, seed=self._seed)
                fresh[class_id] = _line(class_id, key, prompts, known_deal)
            found[class_id] = known_deal
        if fresh:
            self._remember({**lines, **fresh})
        return found

    def _prompts(self, class_id: str) -> list[Prompt]:
        prompts = read_class_file(self._files[class_id])
        return [prompt for prompt in prompts if (prompt.attribute, prompt.feasibility) == self._setting]

    def _key(self, class_id: str, ids: Iterable[str]) -> str:
        try:
            text = self._files[class_id].read_bytes()
        except OSError:
            text = b""  # reading it as prompts says what is wrong
        return digest("deal", _VERSION, text, *self._setting, self._per_image, self._seed, *sorted(ids))

    def _remembered(self) -> dict[str, str]:
        """Lines of the memory by class."""
        try:
            text = self._memory.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return {}
        return {line.partition("\t")[0]: line for line in text.splitlines()}

    def _remember(self, lines: Mapping[str, str]) -> None:
        """Put the memory in place whole; several jobs may do so at once, so each has a temporary file of its own."""
        text = "".join(f"{lines[class_id]}\n" for class_id in sorted(lines))
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self._memory.name}.", dir=self._memory.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                Path(name).replace(self._memory)
            except OSError:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            logger.debug("the deals are not remembered in %s: %s", self._memory, error)


def _line(class_id: str, key: str, prompts: Sequence[Prompt], dealt: Mapping[str, Sequence[Prompt]]) -> str:
    places = {prompt.prompt_id: place for place, prompt in enumerate(prompts)}
    deals = {image_id: [places[prompt.prompt_id] for prompt in own] for image_id, own in dealt.items()}
    return f"{class_id}\t{key}\t{json.dumps([[asdict(prompt) for prompt in prompts], deals], separators=(',', ':'))}"


def _read(line: str, key: str) -> dict[str, list[Prompt]] | None:
    """The deal of a line; None when it was dealt from other things or is damaged."""
    _, _, rest = line.partition("\t")
    found, _, text = rest.partition("\t")
    if found != key:
        return None
    try:
        fields, deals = json.loads(text)
        prompts = [Prompt(**values) for values in fields]
        return {image_id: [prompts[place] for place in places] for image_id, places in deals.items()}
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
