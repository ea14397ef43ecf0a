"""Image manifests: sealed, named by digest, opened only with the right key."""

from __future__ import annotations

import hashlib

import pytest

from sealing.content.header import FileRef, header_digest, read_text
from sealing.content.keys import SealingKey
from sealing.content.manifest import ImageManifest, ManifestObject, PackRef, open_manifest, seal_manifest
from sealing.errors import CommitmentRefused, EncodingRefused, Misuse
from sealing.secret import DataKey


def manifest(objects: int = 2, packs: int = 3, name: str = "Debian 12") -> ImageManifest:
    return ImageManifest(
        image_id="00000000-0000-4000-8000-000000000002",
        made_at="2026-11-23T10:00:00Z",
        tenant="main",
        database="11" * 32,
        database_size=4096,
        objects=tuple(
            ManifestObject("virtual-image", f"id-{n}", f"{name} {n}", "22" * 32, 300, None, {"note": "ä"})
            for n in range(objects)
        ),
        packs=tuple(PackRef(f"{n:064x}", 65536, "ab" * 16) for n in range(packs)),
        facts={"people": 3},
    )


def test_another_key_is_told_from_damage(key: SealingKey) -> None:
    sealed = seal_manifest(manifest(), key)
    with pytest.raises(CommitmentRefused):
        open_manifest(sealed, SealingKey(key.key_id, DataKey(b"?" * 32)))


def test_packs_out_of_order_are_not_even_made() -> None:
    with pytest.raises(EncodingRefused):
        ImageManifest(
            "i",
            "t",
            "main",
            "11" * 32,
            0,
            (),
            (PackRef("44" * 32, 65536, "ab" * 16), PackRef("33" * 32, 65536, "ab" * 16)),
        )


def test_a_record_longer_than_the_format_allows_is_a_misuse(key: SealingKey) -> None:
    with pytest.raises(Misuse):
        seal_manifest(manifest(name="x" * 2_000_000), key)


def test_a_manifest_comes_back_as_it_was(key: SealingKey) -> None:
    assert open_manifest(seal_manifest(manifest(), key), key) == manifest()


def test_a_manifest_of_many_chunks_comes_back_as_it_was(key: SealingKey) -> None:
    many = manifest(objects=20_000, packs=20_000)
    assert open_manifest(seal_manifest(many, key), key) == many


def test_it_names_the_data_keys_and_recipes_it_needs() -> None:
    assert manifest().data_keys == ("ab" * 16,)
    assert manifest(objects=1).recipes == ("11" * 32, "22" * 32)


def test_names_do_not_show_in_the_sealed_manifest(key: SealingKey) -> None:
    assert b"Debian" not in seal_manifest(manifest(), key)


def test_a_file_that_is_not_the_one_named_is_refused() -> None:
    reference = FileRef.of(b"content")
    with pytest.raises(EncodingRefused) as refused:
        reference.check(b"Content", "manifest")
    assert refused.value.code == "encoding.digest"
    reference.check(b"content", "manifest")


class Endless:
    """A file of 2 GB, which counts what is asked of it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int) -> bytes:
        self.given += min(size, 2 << 30)
        return b"a" * size


def test_a_header_of_two_gigabytes_is_refused_after_half_a_megabyte() -> None:
    file = Endless()
    with pytest.raises(EncodingRefused) as refused:
        read_text(file.read)
    assert refused.value.code == "encoding.too-large"
    assert file.given == 512 * 1024 + 1


def test_a_header_that_is_not_ascii_is_refused() -> None:
    with pytest.raises(EncodingRefused) as refused:
        read_text(lambda _: "é".encode())
    assert refused.value.code == "encoding.ascii"


def test_a_header_is_named_by_the_digest_of_its_text() -> None:
    assert header_digest("a.b.c") == hashlib.sha256(b"a.b.c").hexdigest()
