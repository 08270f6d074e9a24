"""Paths below an object: status, scale, binding, log, exec, token."""
