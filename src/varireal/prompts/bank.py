"""Banks: reviewed files of prompts, one per data set.

A bank names the data set, the noun of its objects, prompts that are true of every class (``shared``) and prompts per
class::

    dataset: ponds
    noun: bird
    shared:
      background:
        infeasible:
          - name: deep space
            description: An endless black void full of stars.
    classes:
      mallard:
        color:
          feasible:
            - brown                # a name alone is enough

A bank is data: it is read by ``prompts.reading``, which takes no tags and no unknown keys. Light: no numpy.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from slugify import slugify

from varireal import names
from varireal.errors import ConfigError
from varireal.prompts.reading import Document, YamlNode, nearest, normalize, read_document
from varireal.records import Prompt, is_rgb

_TOP_KEYS = ("dataset", "noun", "shared", "classes")
_ENTRY_KEYS = ("name", "description", "rgb")
_SLUG_LENGTH = 40


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One prompt of a bank.

    Attributes:
        attribute: what is edited.
        feasibility: feasible or infeasible.
        name: a few words.
        description: one sentence, may be empty.
        line: 1-based line in the bank.
        rgb: the colour of a colour prompt as ``#rrggbb``, may be empty.
    """

    attribute: str
    feasibility: str
    name: str
    description: str
    line: int
    rgb: str = ""


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank as read.

    Attributes:
        path: the file.
        dataset: name of the data set that the bank was written for.
        noun: what its objects are ("bird").
        shared: entries that hold for every class.
        classes: class id or display name, as written -> entries.
    """

    path: Path
    dataset: str
    noun: str
    shared: tuple[BankEntry, ...]
    classes: Mapping[str, tuple[BankEntry, ...]]


def shipped_banks() -> list[Path]:
    """The banks that come with the package."""
    return sorted(Path(str(resources.files("varireal").joinpath("assets", "prompts"))).glob("*.yaml"))


def shipped_bank(name: str) -> Path:
    """Path of a bank that comes with the package.

    Raises:
        ConfigError: no such bank.
    """
    banks = {path.stem: path for path in shipped_banks()}
    if name not in banks:
        raise ConfigError(
            f"no bank called {name!r} in the package{nearest(name, [*banks])}; or give the path of your own"
        )
    return banks[name]


def load_bank(path: Path) -> Bank:
    """Read a bank.

    Raises:
        ConfigError: the file is not a bank; the message has file and line and, for a misspelt key, the nearest one.
    """
    document = read_document(path)
    top = document.mapping(document.root, "the bank", _TOP_KEYS)
    texts = {}
    for key in ("dataset", "noun"):
        texts[key] = document.string(top[key][1], key).strip() if key in top else ""
        if not texts[key]:
            raise ConfigError(
                f"{path}:{document.root.line}: the bank has no {key!r}; add a line such as '{key}: bird'"
            )
    if "shared" not in top and "classes" not in top:
        raise ConfigError(
            f"{path}:{document.root.line}: the bank has no prompts; expected 'shared', 'classes' or both"
        )
    shared = _entries(document, top["shared"][1], "shared") if "shared" in top else ()
    classes = document.mapping(top["classes"][1], "classes") if "classes" in top else {}
    return Bank(
        path=path,
        dataset=texts["dataset"],
        noun=texts["noun"],
        shared=shared,
        classes={name: _entries(document, node, f"classes.{name}") for name, (_, node) in classes.items()},
    )


def prompts_for(bank: Bank, class_id: str, class_name: str) -> list[Prompt]:
    """Prompts of one class, ordered by setting; inside a setting the class's own first, then the shared ones.

    A bank without ``classes`` gives every class its shared prompts; a bank with ``classes`` must list the class, so
    that a misspelt class is not quietly served with the shared prompts alone.

    Raises:
        ConfigError: the class is not in the bank, is in it twice, or has no prompts.
    """
    entries = (*_own_entries(bank, class_id, class_name), *bank.shared)
    if not entries:
        raise ConfigError(
            f"class {class_name!r} has no prompts in bank {bank.path}; add some under classes.{class_id}"
        )
    taken: set[str] = set()
    prompts = []
    for attribute in names.ATTRIBUTES:
        for feasibility in names.FEASIBILITIES:
            for entry in entries:
                if (entry.attribute, entry.feasibility) == (attribute, feasibility):
                    prompt_id = new_prompt_id(class_id, attribute, feasibility, entry.name, taken)
                    texts = (entry.name, entry.description)
                    prompts.append(Prompt(prompt_id, class_id, attribute, feasibility, *texts, rgb=entry.rgb))
    return prompts


def new_prompt_id(class_id: str, attribute: str, feasibility: str, name: str, taken: set[str]) -> str:
    """``{class_id}.{attribute}.{feasibility}.{slug of the name}``, made unique against ``taken`` and added to it.

    A name without a letter or digit that a slug can hold gets a digest of itself.
    """
    slug = slugify(name, max_length=_SLUG_LENGTH, word_boundary=True)
    slug = slug or hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    base = f"{class_id}.{attribute}.{feasibility}.{slug}"
    prompt_id, count = base, 1
    while prompt_id in taken:
        count += 1
        prompt_id = f"{base}-{count}"
    taken.add(prompt_id)
    return prompt_id


def _own_entries(bank: Bank, class_id: str, class_name: str) -> tuple[BankEntry, ...]:
    """The class's own entries, found by id, then by display name, then regardless of case and punctuation."""
    if not bank.classes:
        return ()
    for key in (class_id, class_name):
        if key in bank.classes:
            other = class_name if key == class_id else class_id
            if other != key and other in bank.classes:
                raise ConfigError(
                    f"{bank.path}: class {class_name!r} is there as {class_id!r} and as {class_name!r}; keep one"
                )
            return bank.classes[key]
    similar = [key for key in bank.classes if normalize(key) in (normalize(class_name), normalize(class_id))]
    if len(similar) > 1:
        raise ConfigError(
            f"{bank.path}: class {class_name!r} is there as {' and as '.join(map(repr, similar))}; keep one"
        )
    if not similar:
        listed = nearest(class_name, sorted(bank.classes), "classes there")
        raise ConfigError(f"class {class_name!r} has no prompts in bank {bank.path}{listed}")
    return bank.classes[similar[0]]


def _entries(document: Document, node: YamlNode, where: str) -> tuple[BankEntry, ...]:
    entries = []
    for attribute, (_, arms) in document.mapping(node, where, names.ATTRIBUTES).items():
        here = f"{where}.{attribute}"
        for feasibility, (_, listed) in document.mapping(arms, here, names.FEASIBILITIES).items():
            for item in document.sequence(listed, f"{here}.{feasibility}"):
                name, description, rgb = _texts(document, item, f"an entry of {here}.{feasibility}")
                entries.append(BankEntry(attribute, feasibility, name, description, item.line, rgb))
    return tuple(entries)


def _texts(document: Document, item: YamlNode, where: str) -> tuple[str, str, str]:
    """An entry's texts; a scalar entry is a name alone."""
    if item.kind == "text":
        name, description, rgb = item.text.strip(), "", ""
    else:
        pairs = document.mapping(item, where, _ENTRY_KEYS)
        name, description, rgb = (
            document.string(pairs[key][1], f"{key} of {where}").strip() if key in pairs else "" for key in _ENTRY_KEYS
        )
    if not name:
        document.fail(item, f"{where} has no name")
    if rgb and not is_rgb(rgb):
        document.fail(item, f"rgb of {where} is {rgb!r}, expected a colour such as '#c81e1e'")
    return name, description, rgb


def find_bank(name: str, key: str = "prompts.bank.path") -> Path:
    """Path of a bank: a file of the user's when ``name`` looks like one, else a bank of the package.

    Raises:
        ConfigError: there is no such file or bank.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.name != name:
        if not path.is_file():
            raise ConfigError(f"{key}: there is no file {name} (looked in {Path.cwd()})")
        return path
    return shipped_bank(name)


def prompts_origin(bank: Path) -> str:
    """What a class's file says of where its prompts come from."""
    return f"bank {bank.name}"
