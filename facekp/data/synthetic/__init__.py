"""Drawn faces: ``person`` -> ``head`` -> ``camera`` (the 58 points), and ``paint`` -> ``render`` (the image)."""
