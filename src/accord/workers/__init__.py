"""Worker processes that share a port, and the supervisor that keeps them running; nothing of what they serve."""
