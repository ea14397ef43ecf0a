"""Customers, appliances and units: who owns what, and which identity is still good."""
