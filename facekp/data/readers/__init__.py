"""One module for each format of annotated faces, and what they share."""
