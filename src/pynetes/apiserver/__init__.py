"""The front door: the request pipeline, discovery, the watch cache and the verbs."""
