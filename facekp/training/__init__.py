"""The Trainer of a run: callbacks, checkpoints, progress and TensorBoard."""
