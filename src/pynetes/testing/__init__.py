"""A whole cluster in a test process."""
