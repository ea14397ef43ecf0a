"""The desk with a ceremony's bundle imported."""

from tests.support.desk_fixtures import desk, manufacturer

__all__ = ["desk", "manufacturer"]
