"""The autoscaling kinds: hooks and the conversion between v1 and v2."""
