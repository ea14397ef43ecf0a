"""Telling people: what failed, what is damaged, and what did not happen."""
