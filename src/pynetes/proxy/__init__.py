"""Services to rules."""
