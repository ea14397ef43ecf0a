"""Resumable uploads, tus 1.0.0: creation, checksum, termination, expiration. A raw ASGI application.

It stands ahead of Django, which would spool bodies to plain files. Nobody's byte is read before they are
known and allowed; each piece is sealed to the engine's public key as it arrives, so nothing of an upload is
ever on disk in clear; every size is bounded. What is answered as received is durable.

A request's bytes are made durable segment by segment (16 MiB), so a broken connection or a killed process
loses at most one. A request with a checksum is all or nothing.

Lists and details (GET) are Django's; every other method below the uploads' address is served here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any, Final

from django.core.exceptions import SuspiciousOperation

from appliance.content import errors
from appliance.content.actions.create_upload import MAX_BYTES, create_upload
from appliance.content.actions.end_upload import end_upload
from appliance.content.callers import caller
from appliance.content.models import Upload
from appliance.content.receiving import Checksum, Receiving, in_thread
from appliance.content.selectors import upload_for
from audit.actor import Actor
from ground.refusals import Refusal
from ground.rest.body_limit import App, Receive, Scope, Send, content_length
from ground.rest.media import PROBLEM_JSON
from ground.rest.problems import InternalError, MethodNotAllowed, problem

log = logging.getLogger(__name__)

VERSION: Final = "1.0.0"
BASE: Final = "/api/v1/uploads"
ROLES: Final = ("admin", "member")
EXTENSIONS: Final = "creation,checksum,termination,expiration"
CHECKSUMS: Final[Mapping[str, Callable[[], Any]]] = {
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    # The protocol demands it; it guards against accidents, not against people.
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
}
MAX_METADATA_BYTES: Final = 4096

# Statuses that the protocol itself fixes; all others follow from the refusal's kind.
_STATUS: Final[Mapping[type[Refusal], int]] = {
    errors.UploadProtocol: 400,
    errors.UploadChecksumUnknown: 400,
    errors.UploadOffset: 409,
    errors.UploadVersion: 412,
    errors.UploadMediaType: 415,
    errors.UploadBusy: 423,
    errors.UploadChecksum: 460,
    errors.UploadNoSpace: 507,
}
_PATH = re.compile(re.escape(BASE) + r"(?:/(?P<id>[0-9a-fA-F-]{32,36}))?/?\Z")


class TusUploads:
    """Serves uploads; everything else goes to `app`."""

    def __init__(self, app: App) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _PATH.match(scope["path"]) if scope["type"] == "http" else None
        if match is None or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        try:
            answer = await _serve(scope, receive, match["id"])
        except Refusal as refusal:
            answer = _problem(refusal, scope)
        except SuspiciousOperation:
            answer = _problem(errors.UploadProtocol(header="Host"), scope)
        except ConnectionError:
            return  # the client is gone; what had come is kept
        except Exception:
            log.exception("an upload request failed")
            answer = _problem(InternalError(), scope)
        await answer.send(send)


class _Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers = {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **headers}
        self.body = body

    async def send(self, send: Send) -> None:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def _serve(scope: Scope, receive: Receive, upload_id: str | None) -> _Answer:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    method = scope["method"]
    if method == "OPTIONS":
        return _Answer(
            204,
            {
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(MAX_BYTES),
                "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            },
        )
    if headers.get("tus-resumable") != VERSION:
        raise errors.UploadVersion()
    user = await in_thread(caller, scope, *ROLES)
    actor = Actor.user(user)
    if upload_id is None:
        if method != "POST":
            raise MethodNotAllowed()
        return await _create(headers, scope, receive, user, actor)
    upload = await in_thread(upload_for, user, upload_id)
    match method:
        case "HEAD":
            return _Answer(200, {**_standing(upload), "Upload-Length": str(upload.length)})
        case "PATCH":
            await _receiving(upload, actor, headers, content_length(scope)).take(receive)
            return _Answer(204, _standing(upload))
        case "DELETE":
            await in_thread(end_upload, upload, actor=actor)
            return _Answer(204, {})
        case _:
            raise MethodNotAllowed()


async def _create(
    headers: Mapping[str, str], scope: Scope, receive: Receive, user: Any, actor: Actor
) -> _Answer:
    if (content_length(scope) or 0) > 0 or (await receive()).get("body"):
        raise errors.UploadProtocol(header="Content-Length")  # creation brings no bytes here
    length = _number(headers, "upload-length")
    metadata = _metadata(headers.get("upload-metadata", ""))
    upload = await in_thread(
        create_upload,
        actor=actor,
        owner=user,
        length=length,
        name=metadata.get("name", metadata.get("filename", "")),
        sha256=metadata.get("sha256", ""),
    )
    return _Answer(201, {"Location": f"{BASE}/{upload.pk}", **_standing(upload)})


def _receiving(upload: Upload, actor: Actor, headers: Mapping[str, str], declared: int | None) -> Receiving:
    if headers.get("content-type") != "application/offset+octet-stream":
        raise errors.UploadMediaType()
    return Receiving(
        upload,
        actor,
        offset=_number(headers, "upload-offset"),
        declared=declared,
        checksum=_checksum(headers.get("upload-checksum")),
    )


def _standing(upload: Upload) -> dict[str, str]:
    standing = {"Upload-Offset": str(upload.offset)}
    if upload.state == Upload.State.OPEN:
        standing["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return standing


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise errors.UploadProtocol(header=name)
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """``key base64,key base64``; a value may be absent."""
    if len(text) > MAX_METADATA_BYTES:
        raise errors.UploadProtocol(header="upload-metadata")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise errors.UploadProtocol(header="upload-metadata") from error
        if not key.isascii() or key in found:
            raise errors.UploadProtocol(header="upload-metadata")
        found[key] = decoded
    return found


def _checksum(text: str | None) -> Checksum | None:
    if text is None:
        return None
    name, _, value = text.partition(" ")
    make = CHECKSUMS.get(name)
    if make is None:
        raise errors.UploadChecksumUnknown(supported=",".join(CHECKSUMS))
    try:
        wanted = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise errors.UploadProtocol(header="upload-checksum") from error
    return Checksum(make(), wanted)


def _problem(refusal: Refusal, scope: Scope) -> _Answer:
    body = problem(refusal, instance=scope["path"])
    body["status"] = _STATUS.get(type(refusal), body["status"])
    headers = {"Content-Type": PROBLEM_JSON}
    if isinstance(refusal, errors.UploadVersion):
        headers["Tus-Version"] = VERSION
    if body["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if scope["method"] in ("PATCH", "POST"):
        headers["Connection"] = "close"  # the rest of the body is not read
    content = b"" if scope["method"] == "HEAD" else json.dumps(body).encode()
    return _Answer(body["status"], headers, content)
