"""Making one candidate again, and saying whether it is the same picture and if not why."""
