"""Whether pages can be used by everybody: axe-core's rules of WCAG 2.2 A and AA, in both themes.

axe comes from npm and is put into the page by the browser itself, so the content security policy stays as it
is. Pages are found by following links from where a person stands, one of each kind: a page that is added
later is looked at without a word here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.site import BASE_DIR
from tests.support.browsing import Visitor

AXE = BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# An id in an address: two pages that differ in nothing else are of one kind.
ID = re.compile(r"/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,})(?=/)")
SHARED = ("/tasks/", "/events/", "/people/", "/account/")  # the same templates on both sides
REPEATED = ":is(tbody tr, li):nth-child(n + 4)"  # what the third row does right the fiftieth does
NOT_PAGES = ("/api/", "/static/", "/accounts/logout/")
LINKS = "links => links.map(link => link.href)"
# Light: every rule. Dark: the one that colours can break.
RUN = """async ([rules, within, repeated]) => {
  const found = [];
  for (const [theme, only] of [["light", { type: "tag", values: rules }], ["dark", ["color-contrast"]]]) {
    document.documentElement.dataset.bsTheme = theme;
    // Colours that still fade from one theme to the other are neither's.
    const fading = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.allSettled(fading.map((one) => one.finished));
    const where = { include: within, exclude: repeated };
    // Without preload the style sheets, of ours alone, are not fetched and taken apart for each page again.
    const answer = await axe.run(where, { runOnly: only, resultTypes: ["violations"], preload: false });
    for (const { id, nodes } of answer.violations)
      found.push(`${theme} ${id}: ${nodes.map((node) => node.html.slice(0, 200)).slice(0, 3).join(" | ")}`);
  }
  return found;
}"""


class Inspector:
    """Looks at each kind of page once, whoever comes to it first."""

    def __init__(self, axe: Path = AXE) -> None:
        self._axe = axe.read_text(encoding="utf-8") + "\n;0"
        self.seen: set[str] = set()

    def faults(self, visitor: Visitor) -> Iterator[str]:
        """What is wrong on the pages this person can reach; the frame around them is looked at once."""
        waiting, within = ["/"], "html"
        while waiting:
            path = waiting.pop(0)
            kind = ("" if path.startswith(SHARED) else visitor.url) + ID.sub("/*", path)
            # The first page is each person's own.
            if kind in self.seen and within == "#main":
                continue
            self.seen.add(kind)
            visitor.go(path)
            visitor.page.evaluate(self._axe)
            for fault in visitor.page.evaluate(RUN, [RULES, within, REPEATED]):
                yield f"{kind} {fault}"
            within = "#main"
            waiting += self._next(visitor)

    def _next(self, visitor: Visitor) -> list[str]:
        hrefs: list[Any] = visitor.page.eval_on_selector_all("#side a[href], #main a[href]", LINKS)
        parts = [urlsplit(href) for href in hrefs]
        ours = [part.path for part in parts if f"{part.scheme}://{part.netloc}" == visitor.url]
        return [path for path in dict.fromkeys(ours) if not path.startswith(NOT_PAGES)]
