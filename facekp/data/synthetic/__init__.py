"""Drawn faces: ``person`` -> ``head`` (the 58 points) -> ``render`` (the image)."""
