"""Download and verification of the Danes set."""
