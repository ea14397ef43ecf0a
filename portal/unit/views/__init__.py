"""Views of the unit: read selectors, call one action, answer."""
