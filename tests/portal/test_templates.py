"""Templates, styles and scripts as files: nothing inline, every icon there, colours that can be read."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from config.assets import SOURCE_MAP, build
from config.site import BASE_DIR
from portal.shell.icons import ICONS
from portal.shell.states import LOOKS

TEMPLATES = BASE_DIR / "templates"
STATIC = BASE_DIR / "static"
FILES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
OTHER_SIDE = {"appliance": "desk/", "manufacturer": "unit/"}[os.environ["STRONGROOM_ROLE"]]  # tags of its own
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
ICON_TAGS = re.compile(r"""\{%\s*icon\s+"([a-z0-9-]+)\"""")
FIRST_LOAD = 250_000  # bytes, gzipped


@pytest.mark.parametrize("name", FILES)
def test_no_template_holds_inline_script_style_or_handler(name: str) -> None:
    assert INLINE.findall((TEMPLATES / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(OTHER_SIDE)])
def test_every_template_compiles(name: str) -> None:
    assert get_template(name)


@pytest.mark.parametrize("name", FILES)
def test_no_template_switches_escaping_off(name: str) -> None:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    assert "|safe" not in text
    assert "autoescape off" not in text


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    used = {
        icon for name in FILES for icon in ICON_TAGS.findall((TEMPLATES / name).read_text(encoding="utf-8"))
    }
    used |= {look.icon for table in LOOKS.values() for look in table.values()}
    for path in (BASE_DIR / "portal").rglob("*.py"):
        used |= set(
            re.findall(r'NavItem\("[^"]+", "[^"]+", "([a-z0-9-]+)"', path.read_text(encoding="utf-8"))
        )
    assert used - set(ICONS) == set()


def test_the_sprite_and_the_copied_files_are_made_from_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.assets.VENDOR", tmp_path)
    build()
    sprite = (tmp_path / "icons.svg").read_text(encoding="utf-8")
    assert all(f'<symbol id="{name}"' in sprite for name in ICONS)
    for path in tmp_path.glob("*.[cj]s*"):
        assert SOURCE_MAP.search(path.read_text(encoding="utf-8")) is None


def test_the_first_page_loads_less_than_a_quarter_megabyte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.assets.VENDOR", tmp_path)
    build()
    first = [tmp_path / name for name in ("tabler.min.css", "htmx.min.js", "icons.svg", "inter-latin.woff2")]
    first += [
        STATIC / name for name in ("css/palette.css", "css/strongroom.css", "js/app.js", "img/mark.svg")
    ]
    assert sum(len(gzip.compress(path.read_bytes())) for path in first) < FIRST_LOAD


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_no_script_evaluates_text_or_calls_another_site(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\beval\(|new Function|setTimeout\(\s*['\"`]|document\.write|https?://", text) == []


# Contrast


def _palette() -> dict[str, tuple[str, str]]:
    text = (STATIC / "css" / "palette.css").read_text(encoding="utf-8")
    found = re.findall(r"--sr-([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", text)
    return {name: (light, dark) for name, light, dark in found}


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


TEXT_PAIRS = [
    *[
        (ink, ground)
        for ink in ("ink", "ink-2", "ink-3", "link")
        for ground in ("bg", "surface", "surface-2")
    ],
    *[("ink", f"{tone}-tint") for tone in ("ok", "warn", "bad", "info", "idle")],
    *[("ink-2", f"{tone}-tint") for tone in ("ok", "warn", "bad", "info", "idle")],
    *[(f"{tone}-ink", f"{tone}-tint") for tone in ("ok", "warn", "bad", "info", "idle")],
    *[(f"{tone}-ink", "surface") for tone in ("ok", "warn", "bad", "info", "idle")],
    *[("ink", "select"), ("ink-2", "select"), ("ink", "surface-3"), ("link", "select")],
    *[("on-primary", "primary"), ("on-primary", "primary-hover")],
    *[("on-danger", "danger"), ("on-danger", "danger-hover")],
]
SHAPE_PAIRS = [
    *[
        (f"{tone}-mark", ground)
        for tone in ("ok", "warn", "bad", "info", "idle")
        for ground in ("surface", "bg")
    ],
    *[(f"{tone}-mark", f"{tone}-tint") for tone in ("ok", "warn", "bad", "info", "idle")],
    *[("line-strong", "surface"), ("link", "bg"), ("info-mark", "surface-3")],
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_can_be_read_on_its_ground(ink: str, ground: str, theme: int) -> None:
    palette = _palette()
    assert _contrast(palette[ink][theme], palette[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), SHAPE_PAIRS)
def test_shapes_that_mean_something_stand_out(mark: str, ground: str, theme: int) -> None:
    palette = _palette()
    assert _contrast(palette[mark][theme], palette[ground][theme]) >= 3


def test_no_colour_stands_outside_the_palette() -> None:
    text = (STATIC / "css" / "strongroom.css").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text) == []
