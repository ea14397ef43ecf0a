"""People at a browser, for tests that click: one Chromium, one context for each person at each site.

Whatever a page reports to its console (a policy that was broken, a script that failed) and every answer of
500 and above is kept in `Visitor.complaints`; a journey ends with none.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 60_000  # milliseconds that live work may take


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser, with a fresh profile and no errands of its own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """One person at one site, signed in."""

    browser: Browser
    url: str
    user: str
    password: str
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page = self.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.complaints.extend([message.text] * ("Security Policy" in message.text)),
        )
        self.page.on(
            "response",
            lambda answer: self.complaints.extend([f"{answer.status} {answer.url}"] * (answer.status >= 500)),
        )
        self.sign_in()

    def sign_in(self) -> None:
        self.page.goto(f"{self.url}/accounts/login/")
        self.page.fill("#id_login", self.user)
        self.page.fill("#id_password", self.password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.locator("#id_login")).to_have_count(0)

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def press(self, name: str) -> None:
        """A button of the page itself, by the beginning of its name."""
        self.main.get_by_role("button", name=name).first.click()

    def follow(self, name: str) -> None:
        """A link of the page itself."""
        self.main.get_by_role("link", name=name).first.click()

    def agree(self, name: str = "") -> None:
        """Say yes to the question what will be lost, with the object's name where it is asked for."""
        expect(self.page.locator("#confirm")).to_be_visible()
        self.page.locator("#confirm-name").fill(name, force=True)
        self.page.locator("[data-confirm-yes]").click()

    @property
    def main(self) -> Locator:
        return self.page.locator("#main")

    def sees(self, text: str) -> None:
        """Wait until the page shows this text, without loading it anew."""
        expect(self.main.get_by_text(text).first).to_be_visible(timeout=PATIENCE)

    def sees_link(self, name: str) -> None:
        expect(self.main.get_by_role("link", name=name).first).to_be_visible(timeout=PATIENCE)

    def sees_button(self, name: str) -> None:
        button = self.main.get_by_role("button", name=name).first
        expect(button).to_be_visible(timeout=PATIENCE)
        expect(button).to_be_enabled(timeout=PATIENCE)
