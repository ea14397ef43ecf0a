"""What a person or a unit can do here: one action a file, one transaction each."""
