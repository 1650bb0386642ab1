"""The life of a run: command line, signals, processes, resume, provenance, sweeps, and its folder."""
