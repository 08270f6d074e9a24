"""One declaration for each built-in kind, grouped by API group."""
