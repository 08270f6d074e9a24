"""The kinds of the coordination group."""
