"""Synthesised pictures: noise, shading, scenes, materials and birds, drawn with numpy and OpenCV only."""
