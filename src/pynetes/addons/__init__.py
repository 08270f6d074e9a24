"""What a cluster offers beside its core: cluster DNS. Each is a service like any component, seen through the API."""
