"""Copy the front-end files the sites serve themselves out of `node_modules` into `static/vendor`.

Run as `python -m config.assets` after `npm ci`. Idempotent and quick; needs neither Django nor a network.
Source-map comments are cut, because they name files that are not shipped and would break the static
manifest. The icons become one SVG sprite with only those that pages use.
"""

import re
import sys
from pathlib import Path

from portal.shell.icons import ICONS

BASE = Path(__file__).resolve().parent.parent
MODULES = BASE / "node_modules"
VENDOR = BASE / "static" / "vendor"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
}

SOURCE_MAP = re.compile(r"(?m)^[ \t]*(?:/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S+)[ \t]*$")


def sprite(names: tuple[str, ...] = ICONS) -> str:
    """One SVG document with a `<symbol>` for each named outline icon."""
    symbols = []
    for name in names:
        text = (MODULES / "@tabler/icons/icons/outline" / f"{name}.svg").read_text(encoding="utf-8")
        text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        body = re.sub(r"\s+", " ", text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")])
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
            f'stroke-linecap="round" stroke-linejoin="round">{body.strip()}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def write(name: str, content: bytes) -> None:
    """Write only what changed, so that file times (and caches made from them) stay."""
    path = VENDOR / name
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def build() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        content = (MODULES / source).read_bytes()
        if name.endswith((".css", ".js")):
            content = SOURCE_MAP.sub("", content.decode("utf-8")).encode("utf-8")
        write(name, content)
    write("icons.svg", sprite().encode("utf-8"))


def main() -> int:
    missing = [source for source in FILES if not (MODULES / source).is_file()]
    if missing:
        print(f"missing below node_modules: {', '.join(missing)}; run `npm ci` first", file=sys.stderr)
        return 1
    build()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
