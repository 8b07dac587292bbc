"""VariReal: gated, paired synthetic edits of real photos, and whether their feasibility matters."""

from pathlib import Path

__version__ = "0.1.0"


def snakefile() -> Path:
    """The workflow of this package, for ``snakemake --snakefile`` and for the ``module`` of another workflow.

    In the repository the folder holds links to what lies in the repository's root; in an installed package, the files.
    """
    return (Path(__file__).parent / "assets" / "workflow" / "Snakefile").resolve()
