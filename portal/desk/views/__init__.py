"""Views of the desk: read selectors, call one action, answer."""
