"""From files to batches: readers, splits, augmentation, and the DataModule that joins them."""
