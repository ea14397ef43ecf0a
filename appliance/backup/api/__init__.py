"""REST of targets and backup images."""
