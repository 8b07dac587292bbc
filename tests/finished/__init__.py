"""Studies that an earlier version of the package finished, and what must not change under them."""
