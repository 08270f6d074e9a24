"""What the cluster adds to, or refuses in, a write."""
