"""The recovery wizard behind its views: its steps, where the unit stands, what each step shows and does."""
