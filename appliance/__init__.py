"""The unit. Rooms: unit, keys, content, catalog, backup, recovery; each may import those before it."""
