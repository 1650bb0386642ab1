"""Runs: command line, signals, distributed processes, resume, provenance, sweeps, and run folders."""
