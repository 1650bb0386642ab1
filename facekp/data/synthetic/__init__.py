"""One drawn face: who it is, its head in space, its colours, and the camera that sees it.

``person`` -> ``head`` -> ``camera`` (the 58 points) and ``paint`` -> ``parts`` -> ``render`` (the image).
"""
