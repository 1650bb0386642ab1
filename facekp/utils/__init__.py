"""Errors, files, the terminal, and objects from settings. Imports nothing else of facekp."""
