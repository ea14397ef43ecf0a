"""Worker side of the keys room: the only Django code that speaks to the key process."""
