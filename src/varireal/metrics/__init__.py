"""Measures of edits, without a model."""
