"""Benchmarks: speed, and the comparison with other landmark detectors."""
