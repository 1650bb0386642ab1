"""From any photograph or video to the points of the faces in it."""

MIN_SCORE = 0.8
"""Default of the least score of a face; here, because the command tells it before anything heavy is imported."""
