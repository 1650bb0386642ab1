"""From files to batches: readers, splits, jitter, and the DataModule that joins them."""
