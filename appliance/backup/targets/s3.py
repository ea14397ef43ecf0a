"""A bucket of an S3-compatible store as a target.

Writing: an object that the store shows is whole, by the store's own word, and each part carries its SHA-256.
Packs are named by their digest and streamed in parts; every other object is put in one request on condition
that the name is free (`If-None-Match: *`), so of two writers of one name one is refused. A put whose source
breaks off or differs from its digest is never completed.

Object Lock: a bucket with a default retention locks what is put by itself (the checksums it asks for are
always sent). This target never shortens a retention; a refused delete is a refusal.

Reading a name that is not there says "absent" only if the bucket itself answers (`stat` asks the listing
too): a bucket that vanished is not an object that vanished. No credential, address or region is taken from
the process's environment, and no connection leads anywhere but through the tunnel (`wire`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from appliance.backup.errors import (
    BadTargetSettings,
    ClockSkewed,
    CredentialsMissing,
    CredentialsRefused,
    ObjectConflict,
    ObjectCorrupt,
    ObjectMissing,
    TargetAbsent,
    TargetFull,
    TargetReadOnly,
    TargetRefusal,
    TargetTooSlow,
    TargetUnreachable,
)
from appliance.backup.targets import wire
from appliance.backup.targets.base import (
    READ_BYTES,
    SEGMENT,
    ObjectStat,
    SourceFailed,
    Target,
    check_name,
    from_source,
)

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Store

PART_BYTES: Final = 8 << 20  # of a pack on its way; S3 takes no smaller part than 5 MiB but the last
PARTS_AT_ONCE: Final = 4  # bounds memory: at most PART_BYTES times this
WHOLE_BYTES: Final = 64 << 20  # the largest object put in one request
LIST_AT_ONCE: Final = 1000
RETRIES: Final = 5
RETRY_SECONDS: Final = 60
READ_SECONDS: Final = 60

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,60})</Code>")
_STATUS = re.compile(r"(?:status(?: code)?:? |returned )([1-5][0-9]{2})")

# The store's own error codes, where they say more than the status.
_BY_CODE: dict[str, type[TargetRefusal]] = {
    "RequestTimeTooSkewed": ClockSkewed,
    "RequestExpired": ClockSkewed,
    "InvalidAccessKeyId": CredentialsRefused,
    "SignatureDoesNotMatch": CredentialsRefused,
    "ExpiredToken": CredentialsRefused,
    "InvalidToken": CredentialsRefused,
    "AccessDenied": CredentialsRefused,
    "AllAccessDisabled": CredentialsRefused,
    "NoSuchBucket": TargetAbsent,
    "QuotaExceeded": TargetFull,
    "XMinioStorageFull": TargetFull,
    "XMinioAdminBucketQuotaExceeded": TargetFull,
    "InsufficientStorage": TargetFull,
    "MethodNotAllowed": TargetReadOnly,
    "RequestTimeout": TargetTooSlow,
}
_BY_STATUS: dict[str, type[TargetRefusal]] = {
    "401": CredentialsRefused,
    "403": CredentialsRefused,
    "405": TargetReadOnly,
    "507": TargetFull,
}


class S3Target(Target):
    kind: ClassVar[str] = "s3"
    SETTINGS: ClassVar[Mapping[str, bool]] = {
        "bucket": True,
        "region": False,
        "endpoint": False,
        "prefix": False,
        "ca_certificate": False,
    }
    CREDENTIALS: ClassVar[Sequence[frozenset[str]]] = (
        frozenset({"access_key_id", "secret_access_key"}),
        frozenset({"access_key_id", "secret_access_key", "session_token"}),
    )

    def __init__(
        self,
        settings: Mapping[str, str],
        credentials: Mapping[str, str],
        *,
        private: bool = False,
        retries: int = RETRIES,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.bucket = settings["bucket"]
        self.region = settings.get("region") or "us-east-1"
        self.prefix = settings.get("prefix", "")
        self.endpoint = settings.get("endpoint") or f"https://s3.{self.region}.amazonaws.com"
        self._ca = settings.get("ca_certificate", "")
        self._credentials = dict(credentials)
        self._private, self._retries, self._part = private, retries, part_bytes
        self._lock = threading.Lock()
        self._opened: tuple[S3Store, wire.Tunnel] | None = None

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], credentials: Mapping[str, str], *, private: bool = False
    ) -> S3Target:
        check_settings(settings, private=private)
        return cls(settings, credentials, private=private)

    # ---- the place itself ----

    def probe(self, *, write: bool) -> None:
        self._first("")
        if write:
            # An upload that is begun and broken off: it takes the right to write, and leaves no object (in a
            # bucket with Object Lock a trial object would stay for as long as the bucket retains).
            try:
                with self._as_refusal("probe", writing=True):
                    self._call("put", "probe", _broken_off(), use_multipart=True)
            except SourceFailed:
                pass
            except CredentialsRefused as refusal:
                raise TargetReadOnly(**refusal.facts) from refusal
            except ObjectConflict as refusal:  # with what? nothing is ever put under that name
                raise TargetUnreachable(**refusal.facts) from refusal

    def is_empty(self) -> bool:
        return self._first("") is None

    def free_bytes(self) -> int | None:
        return None

    # ---- objects ----

    def put(self, name: str, pieces: Iterable[bytes], *, digest: str, size: int) -> bool:
        check_name(name)
        found = self._head(name)
        if self.already(name, found, digest=digest, size=size):
            return False
        try:
            return self._put(name, pieces, digest=digest, size=size)
        except SourceFailed as failure:
            raise failure.error from None

    def _put(self, name: str, pieces: Iterable[bytes], *, digest: str, size: int) -> bool:
        source = from_source(pieces, name=name, digest=digest, size=size)
        replaces = digest in name  # the same bytes under that name, whoever writes them
        if replaces and size > self._part:
            try:
                with self._as_refusal(name, writing=True):
                    self._call(
                        "put",
                        name,
                        source,
                        use_multipart=True,
                        chunk_size=self._part,
                        max_concurrency=PARTS_AT_ONCE,
                    )
            except ObjectConflict as refusal:  # no other bytes have this name: the store is busy with it
                raise TargetUnreachable(**refusal.facts) from refusal
            return True
        if size > WHOLE_BYTES:
            raise ObjectCorrupt(name=name, why="larger than such an object may be", size=size)
        data, mode = b"".join(source), "overwrite" if replaces else "create"
        for turn in range(self._retries + 1):
            try:
                with self._as_refusal(name, writing=True):
                    self._call("put", name, data, use_multipart=False, mode=mode)
                return True
            except ObjectConflict as refusal:
                # Taken since we looked; or our own put, sent again because its answer was lost; or the store
                # is busy with another put of this name (409) and wants to be asked again.
                found = self._head(name)
                if found is not None:
                    if self.already(name, found, digest=digest, size=size):
                        return False
                    raise
                if turn == self._retries:
                    raise TargetUnreachable(**refusal.facts) from refusal
                time.sleep(min(0.1 * 2**turn, 5))
        raise AssertionError("not reached")

    def get(self, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        check_name(name)
        if length == 0:
            return
        options: dict[str, Any] = {}
        if length is not None:
            options["range"] = (offset, offset + length)
        elif offset:
            options["range"] = {"offset": offset}
        left = length
        with self._as_refusal(name):
            stream = self._call("get", name, options=options).stream(min_chunk_size=READ_BYTES)
            for chunk in stream:
                whole = memoryview(chunk)
                if left is not None:
                    whole = whole[:left]
                    left -= len(whole)
                for start in range(0, len(whole), READ_BYTES):
                    yield bytes(whole[start : start + READ_BYTES])
        if left:
            raise ObjectCorrupt(name=name, why="shorter than it should be", missing=left)

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        if prefix:
            check_name(prefix.removesuffix("/"))
        with self._as_refusal(prefix):
            for page in self._call("list", prefix or None, chunk_size=LIST_AT_ONCE):
                for meta in page:
                    if all(SEGMENT.match(segment) for segment in meta["path"].split("/")):
                        yield ObjectStat(meta["path"], meta["size"])

    def stat(self, name: str) -> ObjectStat | None:
        check_name(name)
        found = self._head(name)
        if found is None:
            self._first(name)  # a bucket that is gone answers "no such object" too; its listing does not
        return found

    def delete(self, name: str) -> bool:
        if self.stat(name) is None:
            return False
        with self._as_refusal(name):
            self._call("delete", name)
        return True

    def sweep(self, *, older_than: float) -> int:  # noqa: ARG002  # nothing to be swept
        """Parts of a put that was never completed are no objects and are not listed; the bucket's own rule
        for incomplete uploads removes them (docs/targets.md)."""
        return 0

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened[1].close()

    def __del__(self) -> None:
        self.close()

    # ---- within ----

    def _head(self, name: str) -> ObjectStat | None:
        try:
            with self._as_refusal(name):
                return ObjectStat(name, self._call("head", name)["size"])
        except ObjectMissing:
            return None
        except CredentialsRefused as refusal:
            if not refusal.facts["code"]:
                self._first(name)  # the answer to HEAD has no body that says why; a listing's has one
            raise

    def _first(self, prefix: str) -> str | None:
        """The first name below a prefix; a refusal if the bucket does not answer."""
        with self._as_refusal(prefix):
            for page in self._call("list", prefix or None, chunk_size=1):
                for meta in page:
                    return str(meta["path"])
        return None

    def _call(self, verb: str, *args: Any, **options: Any) -> Any:
        import obstore

        return getattr(obstore, verb)(self._open()[0], *args, **options)

    @contextmanager
    def _as_refusal(self, name: str, *, writing: bool = False) -> Iterator[None]:
        """Turn the library's errors into the refusals of a target, at this edge and nowhere else.

        Nothing that is being written can be missing: a store that says so (an upload it forgot) failed.
        """
        from obstore import exceptions

        try:
            yield
        except (exceptions.BaseError, OSError, RuntimeError) as error:
            # RuntimeError: what the library raises of its own threads.
            reached = self._opened[1].refusal if self._opened is not None else None
            if reached is not None:
                raise reached from error
            refusal = _refusal_of(error, name, bucket=self.bucket)
            if writing and isinstance(refusal, ObjectMissing):
                raise TargetUnreachable(bucket=self.bucket, name=name, status="404") from error
            raise refusal from error

    def _open(self) -> tuple[S3Store, wire.Tunnel]:
        with self._lock:
            if self._opened is None:
                self._opened = self._connect()
            return self._opened

    def _connect(self) -> tuple[S3Store, wire.Tunnel]:
        from obstore.store import S3Store

        if not self._credentials:
            raise CredentialsMissing()
        parts = urlsplit(self.endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        tunnel = wire.Tunnel(parts.hostname or "", port, private=self._private)
        try:
            tunnel.judge()
        except Exception:
            tunnel.close()
            raise
        client: ClientConfig = {
            "proxy_url": tunnel.url,
            "allow_http": parts.scheme == "http",
            "connect_timeout": timedelta(seconds=wire.CONNECT_SECONDS),
            "read_timeout": timedelta(seconds=READ_SECONDS),
            "timeout": timedelta(hours=1),
        }
        if self._ca:
            client["root_certificate"] = self._ca
        store = S3Store(
            self.bucket,
            prefix=self.prefix or None,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self._credentials["access_key_id"],
            secret_access_key=self._credentials["secret_access_key"],
            session_token=self._credentials.get("session_token", ""),
            checksum_algorithm="sha256",
            conditional_put="etag",
            virtual_hosted_style_request=False,
            skip_signature=False,
            client_options=client,
            retry_config={
                "max_retries": self._retries,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=10),
                    "base": 2,
                },
            },
        )
        return store, tunnel


def _refusal_of(error: Exception, name: str, *, bucket: str) -> TargetRefusal:
    from obstore import exceptions

    text = str(error)
    found, status = _CODE.search(text), _STATUS.search(text)
    code, number = found.group(1) if found else "", status.group(1) if status else ""
    facts = {"bucket": bucket, "name": name, "status": number, "code": code}
    if code in _BY_CODE:
        return _BY_CODE[code](**facts)
    if code == "InvalidRange" or number == "416":
        return ObjectCorrupt(name=name, why="shorter than it should be")
    if number in _BY_STATUS:
        return _BY_STATUS[number](**facts)
    if isinstance(error, FileNotFoundError | exceptions.NotFoundError) and number in ("", "404"):
        return ObjectMissing(name=name)
    if isinstance(error, exceptions.AlreadyExistsError | exceptions.PreconditionError):
        return ObjectConflict(**facts)
    if number in ("409", "412"):
        return ObjectConflict(**facts)
    slow = "timed out" in text or "operation timed out" in text or "TimedOut" in text
    return (TargetTooSlow if slow else TargetUnreachable)(**facts, error=type(error).__name__)


def _broken_off() -> Iterator[bytes]:
    yield from ()
    raise SourceFailed(RuntimeError("a trial"))


def check_settings(settings: Mapping[str, Any], *, private: bool) -> None:
    """Refuse settings that cannot be right; asks nobody."""

    def wrong(setting: str, why: str) -> BadTargetSettings:
        return BadTargetSettings(setting=setting, why=why)

    for name, value in settings.items():
        if name not in S3Target.SETTINGS or not isinstance(value, str) or "\0" in value:
            raise wrong(str(name)[:60], "not a setting of this kind")
    if not _BUCKET.match(settings.get("bucket", "")):
        raise wrong("bucket", "not the name of a bucket")
    if settings.get("region") and not _REGION.match(settings["region"]):
        raise wrong("region", "not the name of a region")
    prefix = settings.get("prefix", "")
    if prefix and not all(SEGMENT.match(segment) for segment in prefix.split("/")):
        raise wrong("prefix", "segments of lower-case letters, digits, dots, dashes; no slash at either end")
    ca = settings.get("ca_certificate", "")
    if ca and not (ca.startswith("-----BEGIN CERTIFICATE-----") and "PRIVATE KEY" not in ca):
        raise wrong("ca_certificate", "not a certificate in PEM")
    if settings.get("endpoint"):
        try:
            parts = urlsplit(settings["endpoint"])
            port = parts.port
        except ValueError as error:
            raise wrong("endpoint", "not an address") from error
        if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
            raise wrong("endpoint", "scheme, host and port")
        if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
            raise wrong("endpoint", "scheme, host and port are all it has")
        if parts.scheme == "http" and not private:
            raise wrong("endpoint", "plain http is for private addresses that were allowed explicitly")
