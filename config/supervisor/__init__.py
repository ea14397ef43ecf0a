"""The small supervisor behind ``make run``: starts sites, keeps their processes alive, ends them together."""
