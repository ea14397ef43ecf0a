"""The `strongroom` command: a REST client for both sides, and a reader of documents without any server."""
