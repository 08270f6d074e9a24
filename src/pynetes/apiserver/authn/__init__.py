"""Who is asking: x509 and ServiceAccount tokens."""
