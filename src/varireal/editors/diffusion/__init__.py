"""Edits by SDXL: texts, canvases, pipelines and the graphs of the recipes."""
