"""Which file a bank in the config is. Light."""

from pathlib import Path

from varireal.errors import ConfigError
from varireal.prompting.bank import shipped_bank


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
