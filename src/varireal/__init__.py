"""VariReal: gated, paired synthetic edits of real photos, and whether their feasibility matters."""

__version__ = "0.1.0"
