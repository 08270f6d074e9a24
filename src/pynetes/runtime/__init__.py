"""What the kubelet starts containers with."""
