"""The site of the documentation: ``make docs`` builds it with Sphinx, from the same pages that a repository shows.

Its source folder is the repository, so that every link between README, docs and other files is the same in both.
Whatever Sphinx warns of ends the build, and so does a page that would load something from the network.
"""

import re
import shutil
from pathlib import Path

from pygments.lexers import PythonLexer
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

project = "VariReal"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md"]
exclude_patterns = ["[!RCd]*", ".*", "data"]  # nothing else is walked through
html_theme = "furo"
html_title = "VariReal"
html_copy_source = False
myst_heading_anchors = 3  # as GitHub names them
nitpicky = True

# The pages in the order in which one reads them.
CONTENTS = {
    "Using it": (
        "words",
        "photos",
        "config",
        "prompts",
        "accepted",
        "results",
        "classifiers",
        "rerun",
        "watching",
        "extending",
    ),
    "Models": ("models", "masks", "recipes", "instruct", "judging", "provenance"),
    "Machines": ("environments", "modules", "cluster", "interruption", "scale"),
}
_TREE = "\n```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```\n"
_NETWORK = r"(?:https?:)?//"
_LOADED = {
    "html": re.compile(rf"<(?:link|script|img|iframe|source)\b[^>]*?(?:href|src)=\"{_NETWORK}"),
    "css": re.compile(rf"(?:@import\s*|url\()[\"' ]*{_NETWORK}"),
}


def setup(app: Sphinx) -> None:
    """Add the contents to the first page, and look at what was built."""
    app.add_lexer("snakemake", PythonLexer)  # near enough for its colours
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _finish)


def _add_contents(_app: Sphinx, name: str, source: list[str]) -> None:
    if name == root_doc:
        parts = {part: [f"docs/{page}" for page in pages] for part, pages in CONTENTS.items()}
        parts["The project"] = ["CONTRIBUTING", "docs/code", "CHANGELOG"]
        source[0] += "".join(_TREE.format(part, "\n".join(pages)) for part, pages in parts.items())


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is not None:
        return
    folder = Path(app.outdir)
    for kind, loaded in _LOADED.items():
        for page in folder.rglob(f"*.{kind}"):
            if loaded.search(page.read_text("utf-8")):
                raise SphinxError(f"{page} loads something from the network; the site must be readable without one")
    shutil.copy(folder / f"{root_doc}.html", folder / "index.html")
