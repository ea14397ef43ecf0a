"""What people and the upload protocol do with uploads; web side."""
