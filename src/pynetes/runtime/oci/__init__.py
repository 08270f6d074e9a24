"""The embedded runtime: runc, conmon, overlayfs."""
