"""Backups: targets outside the unit, images on them, and the proof that they are whole."""
