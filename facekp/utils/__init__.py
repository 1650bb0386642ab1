"""What every room uses: errors, files, the terminal, objects from the config. Imports nothing else of facekp."""
