"""Instructions for the model: templates of the package or of the user, filled with data that stays data."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from varireal.errors import ConfigError

_PACKAGED = files("varireal") / "assets" / "instructions"
PROMPTS, JUDGE = "prompts.md.j2", "judge.md.j2"
Message = dict[str, str]


def template_texts(folder: str | None) -> dict[str, str]:
    """Text of every template by name; a file of the user's folder goes before that of the package.

    Raises:
        ConfigError: the folder does not exist, or holds none of the templates.
    """
    texts = {name: (_PACKAGED / name).read_text("utf-8") for name in (PROMPTS, JUDGE)}
    if folder is None:
        return texts
    files_of_user = [Path(folder) / name for name in texts if (Path(folder) / name).is_file()]
    if not files_of_user:
        raise ConfigError(f"prompts.openai.templates: {folder} holds neither {PROMPTS} nor {JUDGE}")
    return texts | {path.name: path.read_text("utf-8") for path in files_of_user}


def templates_digest(folder: str | None) -> str:
    """Changes with any text of a template."""
    texts = template_texts(folder)
    return hashlib.blake2b("\0".join(texts[name] for name in sorted(texts)).encode(), digest_size=8).hexdigest()


class PromptTemplates:
    """Renders messages.

    Raises:
        ConfigError: a template is broken, or lacks a block.
    """

    def __init__(self, folder: str | None) -> None:
        self._environment = SandboxedEnvironment(
            loader=jinja2.DictLoader(template_texts(folder)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )

    def messages(self, name: str, **values: Any) -> list[Message]:
        """System and user message of a template."""
        return [
            {"role": "system", "content": self._block(name, "system", values)},
            {"role": "user", "content": self._block(name, "user", values)},
        ]

    def repair(self, name: str, before: Sequence[Message], answer: str, problem: str) -> list[Message]:
        """The conversation so far, with an unusable answer and what is wrong with it."""
        repair = {"role": "user", "content": self._block(name, "repair", {"problem": problem})}
        return [*before, {"role": "assistant", "content": answer}, repair]

    def _block(self, name: str, block: str, values: dict[str, Any]) -> str:
        try:
            template = self._environment.get_template(name)
            return "".join(template.blocks[block](template.new_context(values))).strip()
        except KeyError:
            raise ConfigError(f"template {name} has no block {block!r}; copy the package's and change that") from None
        except jinja2.TemplateError as error:
            raise ConfigError(f"template {name} cannot be used: {error}") from error
