"""``python -m varireal`` is the console script ``varireal``."""

from varireal.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
