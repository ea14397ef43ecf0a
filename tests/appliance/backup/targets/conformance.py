"""What every kind of target must do. A target's own test module subclasses `TargetConformance` and gives
two fixtures: `target` (fresh and empty) and, where the kind allows it, its own ways to break storage.

Nothing here knows of directories: S3 and SFTP run the same suite.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator

import pytest

from appliance.backup.errors import (
    BadObjectName,
    ObjectConflict,
    ObjectCorrupt,
    ObjectMissing,
)
from appliance.backup.targets.base import READ_BYTES, ObjectStat, Target


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(target: Target, name: str, data: bytes) -> bool:
    return target.put(
        name, [data[i : i + 1000] for i in range(0, len(data), 1000)], digest=digest_of(data), size=len(data)
    )


class TargetConformance:
    """The suite. Names are sentences; refusals first."""

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/absolute",
            "../up",
            "packs/../../up",
            "packs//double",
            "packs/.hidden",
            ".hidden",
            "UPPER",
            "packs/",
            "name\n",
            "nul\0",
            "back\\slash",
            "x" * 200,
            "/".join(["a"] * 300),
        ],
    )
    def test_an_unlawful_name_is_refused_by_every_call(self, target: Target, name: str) -> None:
        for call in (
            lambda: put(target, name, b"data"),
            lambda: list(target.get(name)),
            lambda: target.stat(name),
            lambda: target.delete(name),
        ):
            with pytest.raises(BadObjectName):
                call()

    def test_bytes_that_differ_from_the_digest_leave_nothing_under_the_name(self, target: Target) -> None:
        with pytest.raises(ObjectCorrupt):
            target.put("packs/aa/one.pack", [b"altered"], digest=digest_of(b"wanted!"), size=7)
        assert target.stat("packs/aa/one.pack") is None
        assert list(target.list()) == []

    @pytest.mark.parametrize("size", [3, 5])
    def test_bytes_of_another_length_leave_nothing_under_the_name(self, target: Target, size: int) -> None:
        with pytest.raises(ObjectCorrupt):
            target.put("heads/one.jws", [b"1234"], digest=digest_of(b"1234"), size=size)
        assert target.stat("heads/one.jws") is None

    def test_a_source_that_breaks_off_leaves_nothing_under_the_name(self, target: Target) -> None:
        def broken() -> Iterator[bytes]:
            yield b"first"
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            target.put("packs/aa/one.pack", broken(), digest=digest_of(b"first"), size=5)
        assert target.stat("packs/aa/one.pack") is None
        assert target.is_empty() or list(target.list()) == []

    def test_other_bytes_under_a_taken_name_are_refused_and_the_first_stay(self, target: Target) -> None:
        put(target, "chains/a/header.jws", b"first")
        with pytest.raises(ObjectConflict):
            put(target, "chains/a/header.jws", b"other")
        assert target.get_bytes("chains/a/header.jws", limit=100) == b"first"

    def test_an_object_that_is_not_there_is_missing(self, target: Target) -> None:
        with pytest.raises(ObjectMissing):
            list(target.get("packs/aa/none.pack"))
        with pytest.raises(ObjectMissing):
            target.get_bytes("packs/aa/none.pack", limit=10)
        assert target.stat("packs/aa/none.pack") is None
        assert target.delete("packs/aa/none.pack") is False

    def test_reading_past_the_end_is_damage_not_silence(self, target: Target) -> None:
        put(target, "packs/aa/one.pack", b"12345")
        with pytest.raises(ObjectCorrupt):
            list(target.get("packs/aa/one.pack", offset=3, length=3))

    def test_an_object_larger_than_its_kind_may_be_is_refused_before_it_is_read(self, target: Target) -> None:
        put(target, "chains/a/header.jws", b"x" * 101)
        with pytest.raises(ObjectCorrupt) as raised:
            target.get_bytes("chains/a/header.jws", limit=100)
        assert raised.value.is_oversized

    def test_what_was_put_comes_back_whole_and_by_ranges(self, target: Target) -> None:
        data = bytes(range(256)) * 40
        assert put(target, "packs/aa/one.pack", data) is True
        assert b"".join(target.get("packs/aa/one.pack")) == data
        assert b"".join(target.get("packs/aa/one.pack", offset=1000, length=17)) == data[1000:1017]
        assert b"".join(target.get("packs/aa/one.pack", offset=10_000)) == data[10_000:]
        assert list(target.get("packs/aa/one.pack", offset=5, length=0)) == []
        assert target.stat("packs/aa/one.pack") == ObjectStat("packs/aa/one.pack", len(data))

    def test_a_large_object_is_handed_on_in_bounded_pieces(self, target: Target) -> None:
        data = b"z" * (READ_BYTES * 2 + 7)
        put(target, "packs/aa/big.pack", data)
        pieces = list(target.get("packs/aa/big.pack"))
        assert max(map(len, pieces)) <= READ_BYTES
        assert b"".join(pieces) == data

    def test_the_same_bytes_again_are_no_work(self, target: Target) -> None:
        name = f"packs/aa/{digest_of(b'same')}.pack"
        assert put(target, name, b"same") is True
        assert target.put(name, never(), digest=digest_of(b"same"), size=4) is False
        put(target, "values/one.jws", b"same")
        assert put(target, "values/one.jws", b"same") is False

    def test_a_truncated_object_named_by_its_digest_is_replaced_by_a_sound_one(self, target: Target) -> None:
        sound = b"sound content"
        name = f"packs/aa/{digest_of(sound)}.pack"
        put(target, name.replace(digest_of(sound), "stand-in"), b"x")
        self.plant(target, name, sound[:5])
        assert put(target, name, sound) is True
        assert b"".join(target.get(name)) == sound

    def test_a_listing_shows_whole_objects_below_a_prefix_and_nothing_else(self, target: Target) -> None:
        put(target, "packs/aa/one.pack", b"1")
        put(target, "packs/ab/two.pack", b"22")
        put(target, "packs-of-others/x", b"333")
        assert sorted(target.list("packs/"), key=lambda s: s.name) == [
            ObjectStat("packs/aa/one.pack", 1),
            ObjectStat("packs/ab/two.pack", 2),
        ]
        assert {stat.name for stat in target.list()} == {
            "packs/aa/one.pack",
            "packs/ab/two.pack",
            "packs-of-others/x",
        }
        assert list(target.list("heads/")) == []

    def test_a_deleted_object_is_gone(self, target: Target) -> None:
        put(target, "heads/one.jws", b"head")
        assert target.delete("heads/one.jws") is True
        assert target.stat("heads/one.jws") is None
        assert list(target.list()) == []

    def test_a_probe_leaves_nothing_behind(self, target: Target) -> None:
        target.probe(write=True)
        assert target.is_empty()

    def test_two_writers_of_one_object_both_succeed(self, target: Target) -> None:
        data = b"content" * 5000
        name = f"packs/aa/{digest_of(data)}.pack"
        outcomes: list[object] = []

        def write() -> None:
            try:
                outcomes.append(put(target, name, data))
            except Exception as error:
                outcomes.append(error)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(outcomes) <= {True, False}
        assert b"".join(target.get(name)) == data
        assert list(target.list()) == [ObjectStat(name, len(data))]

    def plant(self, target: Target, name: str, data: bytes) -> None:
        """Put bytes at a name past the target's own care, as failing storage would."""
        raise NotImplementedError


class _Never:
    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("read although the object was there")


def never() -> Iterable[bytes]:
    """A source that must not be read."""
    return _Never()
