"""Figures, tables and pages of data, networks, runs and comparisons."""
