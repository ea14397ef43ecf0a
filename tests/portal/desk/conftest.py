"""The desk with a ceremony's bundle imported: the fixtures of the manufacturer's tests."""

from tests.manufacturer.conftest import desk, manufacturer

__all__ = ["desk", "manufacturer"]
