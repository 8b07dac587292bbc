"""Writes the conda environments from pyproject.toml and the lock: ``make lock`` runs it.

Every package comes from pip with the lock's version, so that conda, containers and ``make`` run the same ones; conda
brings Python alone. Snakemake builds an environment in another folder, where no relative path leads back to this one:
that is why the pins stand in the file, and why the package itself is installed by the script beside it.
"""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
LOCK = FOLDER / "requirements.txt"
# environment: (what it is for, the extras of its packages)
ENVIRONMENTS = {
    "core": ("rules that load no model: photos, prompts, data set, report", ("coco", "datasets", "llm", "webdataset")),
    "models": ("masks, priors, edits and verdicts by models", ("diffusion", "llm", "quantized")),
    "classifiers": ("adapters and predictions", ("clip",)),
}


def pins(extras: tuple[str, ...]) -> list[str]:
    """The lock's lines for the package with some extras."""
    words = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--quiet"]
    words += ["--no-annotate", "--no-header", "--no-emit-index-url", "--constraint", str(LOCK)]
    words += [word for extra in extras for word in ("--extra", extra)]
    done = subprocess.run(words, cwd=FOLDER.parent, check=True, capture_output=True, text=True)  # noqa: S603
    names = {line.split("==")[0] for line in done.stdout.splitlines()}
    return [line for line in LOCK.read_text().splitlines() if line.split("==")[0] in names]


def text(purpose: str, lines: list[str]) -> str:
    """The file of an environment."""
    head = [
        f"# For 'snakemake --sdm conda': {purpose}. Written by 'make lock', with the versions of requirements.txt.",
        "# The package itself is installed by the script of the same name, .post-deploy.sh: see docs/environments.md.",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        "  - python >=3.11,<3.14",
        "  - pip",
        "  - setuptools >=77",
        "  - pip:",
    ]
    return "\n".join([*head, *(f'      - "{line}"' for line in lines), ""])


if __name__ == "__main__":
    for name, (purpose, extras) in ENVIRONMENTS.items():
        (FOLDER / f"{name}.yaml").write_text(text(purpose, pins(extras)))
