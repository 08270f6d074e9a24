"""The kinds of the certificates group."""
