"""Stages: each reads files, writes files, and can be run by hand. None knows of the workflow or of another stage."""
