"""The data card: what a data set is, how it was made, what is in it and what is missing.

Class names and prompts are data of strangers. Every value in the template is escaped for Markdown unless it is marked
as text of this package, and the front matter is written by a YAML library.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from varireal import __version__, attributes
from varireal.attributes import PUBLISHED_ATTRIBUTES
from varireal.config.slices import DatasetSlice
from varireal.config.verdicts import Gates
from varireal.core.files import one_line
from varireal.models.lock import PHOTOS, effective_licence
from varireal.store.schemas import DATASET, with_measures

_ASSETS = Path(__file__).parents[1] / "assets"
_PUNCTUATION = re.compile(r"([\\`*_\[\]|~$!]|(?<=:)/)")
# Identifiers of the Hugging Face hub, https://huggingface.co/docs/hub/repositories-licenses; anything else is "other".
_HUB_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_MOST_PROMPTS = 12


@dataclass(frozen=True, slots=True)
class Making:
    """How the tables of a stage say that they were made.

    Attributes:
        stage: masks, edits or verdicts.
        version: the stage's integer version.
        digest: digest of its config slice.
        packages: versions of the packages that it used.
        gates: limits by attribute and gate, when the tables hold them.
        asked: model, questions and gates of a judge that is a model, when one was asked.
        silhouette: segmenter and gates of the check of outlines, when there was one.
    """

    stage: str
    version: int
    digest: str
    packages: Mapping[str, str]
    gates: Mapping[str, Mapping[str, float | None]] | None
    asked: Mapping[str, Any] | None = None
    silhouette: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a data card is written from.

    Attributes:
        config: the stage's slice.
        digest: its digest.
        rows: rows of the funnel.
        settings: sums of the rows by the name of the setting, then ``all``: wanted, made, accepted, short, reasons.
        pairs: by attribute, pairs of which both arms were accepted.
        prompts: by setting, how often each prompt name was accepted.
        backends: names of the editors, segmenters and judges.
        making: one entry per stage and config digest.
        manifest: path of the manifest, relative to the card.
        funnel: path of the counts as CSV, relative to the card.
        scores: feasibility score by setting and population; empty when no model judged.
        measures: columns of measures that came later.
        packages: versions of other packages that photos and exports came from.
    """

    config: DatasetSlice
    digest: str
    rows: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Mapping[str, Any]]
    pairs: Mapping[str, int]
    prompts: Mapping[str, Mapping[str, int]]
    backends: Mapping[str, Sequence[str]]
    making: Sequence[Making]
    manifest: str
    funnel: str
    scores: Sequence[Mapping[str, Any]] = ()
    measures: Sequence[pa.Field] = ()
    packages: Mapping[str, str] = field(default_factory=dict)


class _Own(str):
    """Text of this package: not escaped."""

    __slots__ = ()


def markdown(value: object) -> str:
    """A value as inline Markdown that shows it literally, also in a table cell."""
    if isinstance(value, _Own):
        return value
    text = one_line(str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _PUNCTUATION.sub(r"\\\1", text)


def render_card(facts: CardFacts) -> str:
    """Return the card as Markdown with YAML front matter; the same facts give the same text."""
    # Markdown, not HTML: the escaping that Jinja offers would be the wrong one, so ``finalize`` escapes every value.
    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=False,  # noqa: S701
        finalize=markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {"reasons": _reasons, "prompts": _prompts, "share": _share, "model": _model, "limits": _limits}
    environment.filters |= {"own": _Own, **filters}
    body = environment.get_template("datacard.md.j2").render(
        facts=facts,
        config=facts.config,
        total=facts.settings["all"],
        settings={name: sums for name, sums in facts.settings.items() if name != "all"},
        classes=_class_table(facts),
        columns=[
            (field.name, str(field.type), field.metadata[b"doc"].decode())
            for field in with_measures(DATASET, facts.measures)
        ],
        packages=sorted(
            {
                package
                for packages in (facts.packages, *(m.packages for m in facts.making))
                for package in packages.items()
            }
        ),
        effective=effective_licence({**facts.config.licences, PHOTOS: facts.config.dataset.source_license}),
        gates=_gates(facts),
        judges=[making.asked for making in facts.making if making.asked],
        outlines=[making.silhouette for making in facts.making if making.silhouette],
        changed=_changed(facts.config.attributes),
        version=__version__,
    )
    return f"---\n{_front_matter(facts)}---\n\n{body}"


def _front_matter(facts: CardFacts) -> str:
    config, count = facts.config, facts.settings["all"]["accepted"]
    name = one_line(config.dataset.license)  # some readers look for the closing line of the front matter in the text
    known = {"license": name} if _HUB_LICENSE.fullmatch(name) else {"license": "other", "license_name": name}
    front = {
        **known,
        "pretty_name": one_line(f"{config.study}: feasible and infeasible edits of {config.noun} photos"),
        "task_categories": ["image-classification"],
        "tags": ["synthetic", "image-editing", "data-augmentation", "counterfactual", "varireal"],
        "size_categories": [next((size for limit, size in _SIZES if count < limit), "10M<n<100M")],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]},
        ],
    }
    text: str = yaml.safe_dump(front, sort_keys=False, allow_unicode=False)
    return text


def _class_table(facts: CardFacts) -> list[tuple[str, str, list[str]]]:
    """Class id, display name and ``accepted/wanted`` per setting."""
    table: dict[str, tuple[str, str, list[str]]] = {}
    for row in facts.rows:
        entry = table.setdefault(row["class_id"], (row["class_id"], row["class_name"], []))
        entry[2].append(f"{row['accepted']}/{row['wanted']}")
    return list(table.values())


def _gates(facts: CardFacts) -> list[tuple[str, str, float]]:
    """Attribute, gate and limit, of the gates that are set.

    Tables leave out an attribute that came later and whose gates are those that every attribute has: these apply too.
    """
    everywhere = Gates().as_before().model_dump(mode="json")
    return [
        (attribute, gate, limit)
        for making in facts.making
        if making.gates is not None
        for attribute in sorted(facts.config.attributes)
        if attribute in making.gates or attribute not in PUBLISHED_ATTRIBUTES
        for gate, limit in sorted(making.gates.get(attribute, everywhere).items())
        if limit is not None
    ]


def _changed(names: Sequence[str]) -> str:
    """What else than background, colour and texture was changed, as the end of a sentence."""
    rows = attributes.every()
    later = [rows[name].title if name in rows else name for name in names if name not in PUBLISHED_ATTRIBUTES]
    return "".join(f", or its {title}" for title in later)


def _share(value: float | None) -> str:
    """A probability for people."""
    return "unknown" if value is None else f"{value:.2f}"


def _model(model: object) -> str:
    """A model's id and revision, as a config has them."""
    if not isinstance(model, Mapping):
        return str(model)
    return f"{model['id']} {model['revision'] or ''}".strip()


def _limits(block: Mapping[str, Any]) -> str:
    """Names and values of the limits of a block that are set."""
    flat: dict[str, Any] = {}
    for name, value in block.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        flat |= {f"{name} {key}".strip(): limit for key, limit in inner.items()}
    shown = [f"{name.replace('_', ' ')}: {limit:g}" for name, limit in flat.items() if isinstance(limit, int | float)]
    return ", ".join(shown) or "none"


def _reasons(sums: Mapping[str, Any]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sums["reasons"].items())


def _prompts(counts: Mapping[str, int]) -> str:
    """The most frequent prompts; the manifest has them all."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} ({count})" for name, count in ranked[:_MOST_PROMPTS])
    return f"{shown}, and {len(ranked) - _MOST_PROMPTS} more" if len(ranked) > _MOST_PROMPTS else shown
