"""What others have made for the same task, measured on the same faces, split and labels; see README.md."""
