"""Backends that find the object of a photo, and the checks on their masks."""
