"""Pure rules about pods that several components share."""
