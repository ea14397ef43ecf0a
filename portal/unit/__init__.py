"""The unit's pages: survival, content, backups, keys, and the way back from a loss."""
