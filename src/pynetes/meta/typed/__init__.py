"""Built-in types as Go's structs: three walks over a value, compiled from the table of Go's types on first use."""
