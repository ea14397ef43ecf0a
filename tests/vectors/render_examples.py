"""Puts the worked examples of documents.json into docs/formats: `python -m tests.vectors.render_examples`."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

from sealing import sheet
from sealing.documents import ticket
from sealing.encoding import digest_of
from sealing.labels import TYP_TRANSFER, TYP_VALUE
from tests.sealing.procedures import trust_of
from tests.vectors.forge import claims_of, header_of
from tests.vectors.make_documents import FILE

PAGES = Path(__file__).parents[2] / "docs" / "formats"
MARK = re.compile(r"(<!-- example: ([a-z ]+) -->\n).*?(<!-- /example -->)", re.DOTALL)
SEALED = {TYP_VALUE, TYP_TRANSFER}
Made = dict[str, Any]


def render(page: str, made: Made) -> str:
    """The page with every example that it names, as the vectors have it."""
    return MARK.sub(lambda found: found[1] + example(found[2], made) + "\n" + found[3], page)


def example(name: str, made: Made) -> str:
    """One example in Markdown."""
    world = made["world"]
    match name:
        case "world":
            return _world(world)
        case "chain":
            return _block("\n\n".join(_wrapped(der) for der in header_of(world["value"])["x5c"]))
        case "ticket rendered":
            return _block(ticket.read(world["ticket"], trust_of(world)).render().rstrip())
        case "drill request":
            return _document(world["drill_request"])
        case "device record":
            return _document(world["device_record"])
        case "key file":
            return _block(_wrapped(_good(name, made)["text"].strip()))
        case "value sheet":
            return _sheet()
        case "wrapped data key":
            return _wrapped_key(_good(name, made)["text"], world)
        case _:
            return _document(_good(name, made)["text"])


def _sheet() -> str:
    """A short text in the place of a value: a page of a whole one would show no more."""
    text = "".join("abcdefghijklmnopqrstuvwxyz0123456789-_."[number * 7 % 39] for number in range(150))
    made = sheet.cut(text, part_characters=60)
    parts = "\n".join(part.text for part in made.parts)
    return _block(
        "\n".join(["text", *textwrap.wrap(text, 100, break_on_hyphens=False), "", made.typed() + "", parts])
    )


def _good(name: str, made: Made) -> dict[str, Any]:
    given: dict[str, Any] = next(good["given"] for good in made["good"] if good["name"] == name)
    return given


def _document(text: str) -> str:
    protected, payload, _ = text.split(".")
    header = header_of(text)
    parts = ["Text, broken into lines here:", _block(_wrapped(text)), "Protected header:", _json(header)]
    if header["typ"] not in SEALED:
        parts += ["Claims:", _json(claims_of(text))]
    digest = digest_of(f"{protected}.{payload}".encode())
    return "\n\n".join([*parts, f"Digest: `{digest}`"])


def _wrapped_key(text: str, world: Made) -> str:
    key = world["key"]
    lines = [
        f"key        {key['secret']}",
        f"key id     {key['key_id']}",
        f"epoch      {key['epoch']}",
        f"kind       {key['kind']}",
        f"commitment {key['commitment']}",
        f"data key   {world['data_key']} (id {world['data_key_id']})",
        "wrapped    " + _wrapped(text).replace("\n", "\n           "),
    ]
    return _block("\n".join(lines))


def _world(world: Made) -> str:
    lines = [
        f"time of reading            {world['now']}",
        f"seed of the escrow key     {world['escrow_seed']}",
        f"seed of the device key     {world['target_seed']} (of the unit that receives)",
    ]
    for name, title in (("key", "backup key"), ("hybrid_key", "hybrid backup key")):
        key = world[name]
        lines += [
            f"{title:<26} {key['secret']}",
            f"  id, epoch                {key['key_id']}, {key['epoch']}",
            f"  commitment               {key['commitment']}",
        ]
    root = "The root certificate, DER in base64url:\n\n" + _block(_wrapped(world["root"]))
    return _block("\n".join(lines)) + "\n\n" + root


def _json(value: Made) -> str:
    return _block(json.dumps(_shortened(value), indent=2, ensure_ascii=False, sort_keys=True), "json")


def _shortened(value: Any) -> Any:
    """Long strings cut, with a mark; they stand whole in the text."""
    match value:
        case str() if len(value) > 90:
            return value[:60] + "…"
        case list():
            return [_shortened(item) for item in value]
        case dict():
            return {name: _shortened(item) for name, item in value.items()}
    return value


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 100, break_on_hyphens=False))


def _block(text: str, language: str = "") -> str:
    return f"```{language}\n{text}\n```"


def pages() -> list[Path]:
    """The pages that have examples."""
    return [page for page in sorted(PAGES.glob("*.md")) if MARK.search(page.read_text())]


if __name__ == "__main__":
    stored = json.loads(FILE.read_text())
    for path in pages():
        path.write_text(render(path.read_text(), stored))
        print(path.name)
