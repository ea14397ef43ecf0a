"""Random damage to an input, and what a parser says of it.

Nothing damaged may be accepted, and nothing but a refusal may come out: another exception is a fault of ours.
"""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence

Read = Callable[[bytes], object]


def mutated(good: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """`good` with one to three things done to it; neither `good` itself nor another good input."""
    data = good
    while data == good or data in others:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            data = rng.choice(_WAYS)(data, others, rng)
    return data


def judge(
    good: bytes,
    read: Read,
    refusals: tuple[type[Exception], ...],
    count: int,
    rng: random.Random,
    others: Sequence[bytes],
) -> Counter[str]:
    """How many of `count` mutated inputs were refused; what was `accepted` or `uncaught` shows its input."""
    found: Counter[str] = Counter()
    for _ in range(count):
        data = mutated(good, others, rng)
        try:
            read(data)
        except refusals:
            found["refused"] += 1
        except Exception as error:
            found[f"uncaught {type(error).__name__}: {data[:200]!r}"] += 1
        else:
            found[f"accepted: {data[:200]!r}"] += 1
    return found


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randrange(max(1, len(data)))


def _flip(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    if not data:
        return b"\0"
    at = _place(data, rng)
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _set(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = _place(data, rng)
    return (
        data[:at] + rng.choice((b"\0", b"\xff", b"A", b"=", b"-", b"9", b"\n", b'"', b".")) + data[at + 1 :]
    )


def _insert(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.randbytes(rng.randint(1, 8)) + data[at:]


def _drop(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.randint(1, 8) :]


def _truncate(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    return data[: _place(data, rng)]


def _append(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    return data + rng.choice((b"\0", b"\n", b".", b"A", b"AAAA", data[: rng.randint(1, 50)], bytes(65_536)))


def _repeat(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at, length = _place(data, rng), rng.randint(1, 64)
    return data[: at + length] + data[at : at + length] + data[at + length :]


def _swap(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    one, two = sorted((_place(data, rng), _place(data, rng)))
    length = min(rng.randint(1, 64), max(1, two - one))
    piece, other = data[one : one + length], data[two : two + length]
    return data[:one] + other + data[one + length : two] + piece + data[two + length :]


def _splice(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """The beginning of this, the end of another document."""
    other = rng.choice(others)
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _segment(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One of the dotted parts of another document in the place of this one's."""
    mine, theirs = data.split(b"."), rng.choice(others).split(b".")
    at = rng.randrange(len(mine))
    mine[at] = theirs[min(at, len(theirs) - 1)]
    return b".".join(mine)


def _member(data: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    """A member of the claims changed, and the text spelt as it should be: only the signature can tell."""
    parts = data.split(b".")
    try:
        which = rng.randrange(min(2, len(parts)))
        claims = json.loads(base64.urlsafe_b64decode(parts[which] + b"=" * (-len(parts[which]) % 4)))
        name = rng.choice(sorted(claims))
    except (ValueError, TypeError, IndexError):
        return _flip(data, _others, rng)
    values = [0, -1, 1 << 70, "", "x", None, True, [], {}, [claims[name]], claims[rng.choice(sorted(claims))]]
    changed = rng.choice(("put", "put", "drop", "add"))
    if changed == "drop":
        del claims[name]
    else:
        claims[name if changed == "put" else f"{name}2"] = rng.choice(values)
    text = json.dumps(claims, sort_keys=True, separators=(",", ":")).encode()
    parts[which] = base64.urlsafe_b64encode(text).rstrip(b"=")
    return b".".join(parts)


_WAYS: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    *(_flip, _set, _insert, _drop, _truncate, _append, _repeat, _swap, _splice, _segment, _member, _member),
)
