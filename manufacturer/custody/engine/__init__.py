"""Verbs over the private key; no Django models outside `store`, no network."""
