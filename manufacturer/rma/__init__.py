"""Tickets that replace a lost unit: whose move it is, who approved, where the transfer is."""
