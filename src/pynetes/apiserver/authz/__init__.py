"""May they: RBAC and the system groups."""
