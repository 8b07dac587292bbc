"""Write the expected results anew: ``python tests/golden/make.py [edits] [masks] [judges] [classifiers]``.

Do so when a test says that a result is another one and the new one is right: a new version of a model library computes
otherwise, a tiny model of the test kit was changed, or the backend was (then its ``version`` is raised too, as studies
hold pictures of the old one). Look first: the failing test names a folder with the new picture; put both side by side.
A change of a few dB that nobody can explain is no reason. Afterwards commit the files with a word on why.

The files are those of a CPU in float32.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from golden import classifiers, edits, judges, masks  # noqa: E402
from tiny.models import build  # noqa: E402

PARTS = {"edits": edits, "masks": masks, "judges": judges, "classifiers": classifiers}


def main(wanted):
    """Write the named parts."""
    unknown = set(wanted) - set(PARTS)
    if unknown:
        raise SystemExit(f"{sorted(unknown)[0]!r} is unknown; expected some of {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as scratch:
        models = Path(scratch) / "models"

        def tiny_model(name):
            folder = models / name
            return folder if folder.exists() else build(name, folder)

        for part in PARTS if not wanted else (name for name in PARTS if name in wanted):
            folder = Path(scratch, part)
            folder.mkdir()
            PARTS[part].write(HERE, tiny_model, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
