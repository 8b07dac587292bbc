"""Synthesised surfaces: wood, knit, chain mail, leopard … as functions of a place on the object.

``MATERIALS`` lists names, synonyms and looks without importing OpenCV; the drawing code loads with the first draw.
"""

from varireal_demo.materials.catalogue import MATERIALS
from varireal_demo.materials.material import Material

__all__ = ["MATERIALS", "Material"]
