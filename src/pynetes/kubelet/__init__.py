"""Makes a node's containers be what the API says."""
