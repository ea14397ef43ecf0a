"""What the unit offers: virtual images for now."""
