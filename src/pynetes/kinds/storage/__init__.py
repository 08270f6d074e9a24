"""The kinds of the storage group."""
