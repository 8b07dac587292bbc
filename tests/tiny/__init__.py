"""Tiny models with random weights, in the real formats of their libraries; nothing here asks a hub."""
