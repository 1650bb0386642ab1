"""From any photograph or video to the points of the faces in it."""
