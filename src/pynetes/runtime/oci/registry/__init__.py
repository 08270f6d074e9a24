"""Images from registries: ``pull`` is what the runtime calls.

Source: OCI distribution specification 1.1; distribution ``docs/content/spec/auth``; containerd ``core/remotes/docker``.
"""
