"""Clock, tasks, queues and back-off: what everything waits with. Knows nothing of Kubernetes."""
