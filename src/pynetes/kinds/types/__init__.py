"""What objects look like, for the type checker: import it under ``TYPE_CHECKING`` only."""
