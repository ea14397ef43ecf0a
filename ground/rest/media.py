"""Media types."""

PROBLEM_JSON = "application/problem+json"  # RFC 9457
