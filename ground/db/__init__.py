"""Database glue without domain: backends, generations, the writers' gate, transitions, portable data."""
