"""The guest house: painted birds, scenes and materials of the demo, its editor, and what trained the shipped models.

It stands on ``varireal`` and is reached through the registry alone, as the backends of other packages are.
"""
