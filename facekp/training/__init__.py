"""The Trainer of a run: callbacks, checkpoints, schedules and progress."""
