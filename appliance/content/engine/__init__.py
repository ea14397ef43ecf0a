"""The engine side of content: only workers import it."""
