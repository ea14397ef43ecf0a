"""Pages over the domain rooms: they call actions and selectors and render, nothing else."""
