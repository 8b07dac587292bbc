"""Judges: who says whether a candidate is accepted."""
