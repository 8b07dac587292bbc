"""Prompts: banks, the editable copy in a study, checks, and dealing prompts to images."""
