r"""Prompts: one readable, editable file per class.

By hand::

    varireal prompts --config results/demo/config/prompts.json --class-id mallard \
        --output results/demo/prompts/mallard.yaml --record results/demo/prompts/.record/mallard.json
"""

import json
import logging
from collections import Counter
from pathlib import Path

from varireal.config.slices import PromptsSlice, slice_digest
from varireal.errors import ConfigError
from varireal.files import write_whole
from varireal.prompting.bank import load_bank, prompts_for
from varireal.prompting.files import read_class_file, write_class_file
from varireal.prompting.locate import find_bank, prompts_origin
from varireal.records import ClassInfo
from varireal.stages.summary import Summary

logger = logging.getLogger(__name__)


def run(config: PromptsSlice, *, class_id: str, output: Path, record: Path) -> Summary:
    """Write or refresh the prompt file of one class; what a person edited in it is kept.

    Args:
        config: the stage's slice.
        class_id: the class.
        output: the class's prompt file.
        record: JSON file that says what was written and what was kept.

    Raises:
        ConfigError: no such class, or the bank or the existing file cannot be used.
    """
    name = config.classes.get(class_id)
    if name is None:
        raise ConfigError(f"no class {class_id!r} in this study; classes: {', '.join(config.classes)}")
    path = find_bank(config.prompts.bank.path)
    prompts = prompts_for(load_bank(path), class_id, name)
    remarks = write_class_file(output, ClassInfo(class_id, name), prompts, origin=prompts_origin(path))
    for remark in remarks:
        logger.warning("%s: %s", class_id, remark)
    kept = read_class_file(output)
    facts = {"class_id": class_id, "config": slice_digest(config), "prompts": len(kept), "remarks": remarks}
    write_whole(record, json.dumps(facts, sort_keys=True) + "\n")
    return Summary(dict(Counter(prompt.source for prompt in kept)))
