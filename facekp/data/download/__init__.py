"""Get the Danes set from where it is published, and verify it."""
