"""Which prompts changed: the texts that a setting's edits were made with against those that they would get now."""

import json
from pathlib import Path

from varireal.layout import Layout
from varireal.prompting.class_file import merge, parse
from varireal.prompting.files import read_class_file
from varireal.prompting.locate import find_bank, prompts_origin
from varireal.prompting.seen import Texts, texts_of
from varireal.records import ClassInfo, Prompt


def prompts_now(layout: Layout, class_id: str) -> list[Prompt]:
    """What a class's file says once the stage prompts has run; what a language model will write is not known."""
    path = Path(layout.paths.prompts(class_id))
    if layout.asks:
        return read_class_file(path) if path.exists() else []
    bank = layout.bank_prompts[class_id]
    old = parse(path)[0] if path.exists() else None
    origin = prompts_origin(find_bank(layout.config.prompts.bank.path))
    return list(merge(old, ClassInfo(class_id, layout.classes[class_id]), bank, origin)[0].prompts)


def texts_now(layout: Layout, attribute: str, feasibility: str) -> Texts:
    """The texts that a setting's edits would be made with."""
    prompts = [prompt for class_id in layout.classes for prompt in prompts_now(layout, class_id)]
    return texts_of(prompts, attribute, feasibility)


def texts_then(layout: Layout, seen: str) -> Texts | None:
    """The texts that the last edits of a setting were made with, by their digest; None when they are not kept."""
    try:
        found = json.loads(Path(layout.paths.seen_prompts(seen)).read_text(encoding="utf-8"))
        return {str(key): (str(name), str(description), str(rgb)) for key, (name, description, rgb) in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return None


def changed_texts(then: Texts, now: Texts) -> list[tuple[str, str, str]]:
    """Prompt id, old text and new text of each prompt that differs; empty where there was or will be none."""
    return [
        (f"prompt {prompt_id}", _shown(then.get(prompt_id)), _shown(now.get(prompt_id)))
        for prompt_id in sorted({*then, *now})
        if then.get(prompt_id) != now.get(prompt_id)
    ]


def changed_file(layout: Layout, class_id: str) -> list[tuple[str, str, str]]:
    """As ``changed_texts``: what the stage prompts would change in the file of a class."""
    path = Path(layout.paths.prompts(class_id))
    then = _every_text(read_class_file(path)) if path.exists() else {}
    return changed_texts(then, _every_text(prompts_now(layout, class_id)))


def _every_text(prompts: list[Prompt]) -> Texts:
    return {prompt.prompt_id: (prompt.name, prompt.description, prompt.rgb) for prompt in prompts}


def _shown(text: tuple[str, str, str] | None) -> str:
    return "" if text is None else " | ".join(part for part in text if part)
