"""The events.k8s.io kinds, which share the storage of core events."""
