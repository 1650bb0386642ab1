"""Landmark schemes, the frames that coordinates are relative to, and the alignment of shapes."""
