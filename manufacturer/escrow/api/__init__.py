"""REST over the actions and selectors of this room."""
