"""Up, down, certificates, kubeconfig, virtual nodes: wiring only, no decisions."""
