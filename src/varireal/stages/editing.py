"""The configured editor, and how many items it gets at once."""

from varireal.backends import make_backend
from varireal.config.machine import BackendContext
from varireal.config.slices import EditsSlice, MachineSlice
from varireal.editors.base import Editor
from varireal.store import ItemStore


def make_editor(config: EditsSlice, machine: MachineSlice, store: ItemStore | None = None) -> Editor:
    """The configured editor.

    Raises:
        BackendError: it cannot be loaded.
    """
    context = BackendContext(machine.machine, config.noun, machine.editing, store)
    editor: Editor = make_backend("editors", config.edits.backend, config.edits, context)
    return editor


def batch_size(config: EditsSlice, editor: Editor) -> int:
    """Items that the editor gets at once: as configured, else as many as it likes."""
    return config.edits.batch_size or int(getattr(editor, "batch_size", 1))
