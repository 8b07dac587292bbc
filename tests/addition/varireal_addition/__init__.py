"""One thing of each kind that a package may add to VariReal; docs/extending.md shows these files."""
