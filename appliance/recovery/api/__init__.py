"""REST of readiness, transfers, preview and restore."""
