"""Readers of annotated faces, one module per format."""
