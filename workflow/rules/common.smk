# What all rules share: the checked config, and the layout that knows every path. All logic is in varireal.layout.
import sys
from pathlib import Path

from varireal.config.model import parse_config
from varireal.errors import VariRealError
from varireal.layout import Layout


def checked_layout():
    """Check config and prompts before any job starts; a mistake is one line and exit code 2."""
    files = ", ".join(str(path) for path in workflow.configfiles) or "--config"
    try:
        layout = Layout(parse_config(config, place=files))
        layout.check()
    except VariRealError as error:
        sys.stderr.write("error: " + " ".join(str(error).split()) + "\n")
        sys.exit(2)
    return layout


def earlier(table):
    """Input function: tables of the rounds before this one."""
    return lambda w: [
        table(w.attribute, w.feasibility, number, w.shard)
        for number in range(int(w.round))
    ]


LAYOUT = checked_layout()
PATHS = LAYOUT.paths


wildcard_constraints:
    stage="[a-z]+",
    class_id="[a-z0-9][a-z0-9-]*",
    shard=r"\d{5}-of-\d{5}",
    attribute="[a-z]+",
    feasibility="feasible|infeasible",
    round=r"\d+",
