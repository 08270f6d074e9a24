"""CNI driver and the pod network between nodes."""
