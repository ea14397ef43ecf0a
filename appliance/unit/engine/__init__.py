"""Worker side of the unit room."""
