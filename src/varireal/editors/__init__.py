"""Editors: backends that put a prompt into a photo, inside a region that they name."""
