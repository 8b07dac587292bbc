"""Asking a language model for prompts: instructions, traffic, checks, second opinion, cost."""
