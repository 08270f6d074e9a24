"""The pynetes command."""
