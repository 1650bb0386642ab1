"""Other detectors, evaluated on the same faces, splits and labels."""
