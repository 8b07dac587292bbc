"""Instructions for the model: templates of the package or of the user, filled with data that stays data."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from varireal import attributes
from varireal.errors import ConfigError

_PACKAGED = files("varireal") / "assets" / "instructions"
PROMPTS, JUDGE = "prompts.md.j2", "judge.md.j2"
Message = dict[str, str]

# What an attribute's prompts are is read from the table of attributes. Before, the package's templates said it
# themselves, in these lines and with the same words: the digest is that of the earlier lines, so that nothing is asked
# anew.
_ARMS = '{%% if arm == "feasible" %%}%s{%% else %%}%s{%% endif %%}'
_REAL = _ARMS % ("real examples of the class have", "no real example of the class has")
_EARLIER = {
    "{{ asked.each }}": (
        '{{ {"background": "place in which it is", "color": "colour of it", '
        '"texture": "surface texture or pattern of it"}[attribute] }}'
    ),
    "{% if colored %}": '{% if attribute == "color" %}',
    """Write {{ count }} different {{ arm }} {{ asked.many }}: {{ asked[arm] }}.
{% if asked.more %}
{{ asked.more }}
{% endif %}
""": (
        '{% if attribute == "background" %}\n'
        "Write {{ count }} different {{ arm }} backgrounds: places in which "
        f"{_ARMS % ('it really occurs', 'it can never be')}.\n"
        "Describe the place alone. Do not mention the class, the noun, or any animal, person or vehicle.\n"
        '{% elif attribute == "color" %}\n'
        f"Write {{{{ count }}}} different {{{{ arm }}}} colours of the whole {{{{ noun }}}}: colours that {_REAL}.\n"
        'Each name is one nameable colour such as "sandy brown" or "hot pink"; rgb is that colour.\n'
        "{% else %}\n"
        "Write {{ count }} different {{ arm }} surface textures or patterns of the whole {{ noun }}: ones that "
        f"{_REAL}.\n"
        "{% endif %}\n"
    ),
}


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


def own_template(folder: str | None) -> bool:
    """Whether the user's folder has the template that asks for prompts; the package's limits do not count then."""
    return folder is not None and (Path(folder) / PROMPTS).is_file()


def templates_digest(folder: str | None, edited: Sequence[str] = ()) -> str:
    """Changes with any text of a template, and with the wording of attributes that came later.

    Args:
        folder: of the user's templates.
        edited: attributes that the study edits.
    """
    texts = template_texts(folder)
    for now, earlier in _EARLIER.items():
        texts = {name: text.replace(now, earlier) for name, text in texts.items()}
    later = [name for name in edited if name not in attributes.PUBLISHED_ATTRIBUTES]
    parts = [
        *(texts[name] for name in sorted(texts)),
        *(repr(attributes.attribute_row(name).wording) for name in later),
    ]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


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
