"""Prompts: reading and checking banks and files, dealing them to photos, and having a model write them."""
