#!/usr/bin/env bash
# Snakemake runs this in a new conda environment: it installs this package there, as a link to its source, so that the
# environment never holds an old copy of it. The source is where snakemake was started, or in VARIREAL_SOURCE.
set -euo pipefail
root="${VARIREAL_SOURCE:-$PWD}"
if ! grep -qsx 'name = "varireal"' "$root/pyproject.toml"; then
  echo "no VariReal source in $root: start snakemake in its folder, or export VARIREAL_SOURCE=/path/to/it" >&2
  exit 1
fi
python -m pip install --quiet --no-deps --no-build-isolation --editable "$root"
