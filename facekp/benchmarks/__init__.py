"""How fast the project is, and how it compares with other landmark detectors."""
