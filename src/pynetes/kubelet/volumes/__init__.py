"""One volume type a file."""
