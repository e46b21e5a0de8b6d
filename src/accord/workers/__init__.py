"""Worker processes that share one port, and the supervisor that keeps them running. Knows nothing of what they serve."""
