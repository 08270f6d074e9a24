"""What objects use of resource quotas: pure rules that admission and the quota controller share."""
