"""``PYTHONPATH=tests python -m tiny models/tiny``: every tiny model into a folder, for ``studies/tiny_sdxl.yaml``."""

import sys
from pathlib import Path

from tiny.models import MAKERS, build

if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("usage: PYTHONPATH=tests python -m tiny FOLDER [MODEL ...]")
    for name in sys.argv[2:] or MAKERS:
        build(name, Path(sys.argv[1]) / name)
