"""One URL table for the desk's REST."""
