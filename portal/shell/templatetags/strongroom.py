"""The components' template tags: small, escaped by default, no inline style or script."""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.shell import states
from portal.shell.tables import Table

register = template.Library()

JOB_TITLES = {
    "backup.run": "Back up",
    "backup.foresee": "See what a backup would send",
    "backup.verify": "Verify a backup",
    "backup.survey": "Read the headers of a target",
    "backup.connect": "Connect a target",
    "backup.lodge_head": "Lodge the newest head at the desk",
    "backup.copy": "Copy a target",
    "backup.prune": "Prune a target",
    "backup.use": "See what a target's packs are for",
    "backup.export": "Write an image into a file",
    "backup.import": "Take in an image from a file",
    "content.collect": "Collect in the content store",
    "content.seal": "Seal a virtual image",
    "keys.rotate": "Rotate the backup key",
    "keys.drill": "Drill a value",
    "keys.held": "Note that a value is held outside",
    "keys.retire": "Retire a backup key",
    "unit.enrol": "First installation",
    "unit.authority-list": "Fetch the list of authority keys",
    "recovery.preview": "Preview a restore",
    "recovery.restore": "Restore",
    "recovery.request": "Make a transfer request",
    "recovery.collect": "Collect the transfer",
    "recovery.install": "Install the transfer",
    "recovery.deliver": "Deliver a document to the desk",
    "recovery.report": "Report the recovery to the desk",
    "recovery.objects": "Read what an image holds",
    "recovery.object": "Bring back one virtual image",
    "unit.tamper": "Destroy the vault",
    "rma.notice": "Send a notice",
    "rma.opening": "Tell the owner of an opening",
    "rma.release-code": "Mail a release code",
}

GB_STEPS = ("B", "kB", "MB", "GB", "TB", "PB")


@register.simple_tag
@functools.lru_cache(512)  # the same few, a hundred times on a page
def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite; decoration only, so hidden from assistive technology."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css, static("vendor/icons.svg"), name,
    )  # fmt: skip


@register.simple_tag
@functools.lru_cache(512)
def status(tone: str, word: str, name: str = "") -> SafeString:
    """A status by icon, shape, colour and word."""
    return format_html(
        '<span class="sr-status is-{}">{}<span>{}</span></span>', tone, icon(name or _icon_of(tone)), word
    )


def _icon_of(tone: str) -> str:
    return {
        "ok": "circle-check",
        "warn": "alert-triangle",
        "bad": "alert-octagon",
        "info": "info-circle",
    }.get(tone, "circle-dashed")


@register.simple_tag
def state(kind: str, value: object) -> SafeString:
    """The status badge of a state of `portal.shell.states`."""
    shown = states.look(kind, value)
    return status(shown.tone, shown.word, shown.icon)


@register.simple_tag
def look(kind: str, value: object) -> states.Look:
    return states.look(kind, value)


@register.simple_tag
def tone_icon(tone: str) -> SafeString:
    return icon(_icon_of(tone))


@register.filter
def size(value: Any) -> str:
    """Bytes for people, in decimal units: 18.4 GB."""
    if value is None or value == "":
        return "—"
    amount = float(value)
    step = 0
    while abs(amount) >= 1000 and step < len(GB_STEPS) - 1:
        amount /= 1000
        step += 1
    return f"{amount:.0f} B" if step == 0 else f"{amount:.{1 if amount < 100 else 0}f} {GB_STEPS[step]}"


@register.filter
def number(value: Any) -> str:
    """A count with thin spaces between thousands."""
    return "—" if value is None or value == "" else f"{int(value):,}".replace(",", "\u202f")


def span_words(seconds: float) -> str:
    """A duration in its largest sensible unit."""
    seconds = max(0, int(seconds))
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / divisor)} {unit}"
    return f"{round(seconds / 86400)} days"


def as_moment(value: Any) -> dt.datetime | None:
    """A datetime of a datetime, an ISO text or a Unix time; None if it is none of them."""
    if isinstance(value, dt.datetime):
        return value if timezone.is_aware(value) else timezone.make_aware(value, dt.UTC)
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    try:
        parsed = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return parsed if timezone.is_aware(parsed) else timezone.make_aware(parsed, dt.UTC)


@register.filter
def when(value: Any, empty: str = "never") -> str | SafeString:
    """A relative time with the absolute one on hover; kept fresh by `static/js/app.js`."""
    moment = as_moment(value)
    if moment is None:
        return empty if value in (None, "") else str(value)
    local = timezone.localtime(moment)
    seconds = (timezone.now() - moment).total_seconds()
    words = f"{span_words(seconds)} ago" if seconds >= 0 else f"in {span_words(-seconds)}"
    if -5 < seconds < 10:
        words = "just now"
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.isoformat(), local.strftime("%a %-d %b %Y, %H:%M:%S %Z"), words,
    )  # fmt: skip


@register.filter
def day(value: Any) -> str:
    """A date alone, for things planned by the day."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.strftime("%-d %b %Y")
    moment = as_moment(value)
    return timezone.localtime(moment).strftime("%-d %b %Y") if moment else "—"


@register.filter
def stamp(value: Any) -> str:
    """An absolute time to the second."""
    moment = as_moment(value)
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S %Z") if moment else "—"


@register.filter
def moment(value: Any) -> Any:
    """A text as it is; one that is an ISO time with its zone as a relative time."""
    return when(value) if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", str(value)) else value


@register.filter
def wall(value: dt.datetime) -> str:
    """What the clock on the wall shows in the time's own zone."""
    return value.strftime("%a %-d %b %Y, %H:%M %Z")


@register.filter
def duration(seconds: Any) -> str:
    return "—" if seconds in (None, "") else span_words(float(seconds))


@register.filter
def finger(value: Any, groups: Any = 4) -> SafeString | str:
    """The first groups of a digest or thumbprint, set so that two people can compare them aloud."""
    text = str(value or "")
    if not text:
        return "—"
    shown = re.findall("....", text)[: int(groups)] or [text]
    more = "…" if len(text) > 4 * int(groups) else ""
    return format_html('<span class="sr-finger" title="{}">{}{}</span>', text, " ".join(shown), more)


@register.filter
def place(target: Any) -> str:
    """Where a backup target is, on one line."""
    said = getattr(target, "settings", None) or {}
    if getattr(target, "kind", "") == "s3":
        at = f" at {said['endpoint']}" if said.get("endpoint") else ""
        return f"s3://{said.get('bucket', '')}/{said.get('prefix', '')}{at}"
    if getattr(target, "kind", "") == "sftp":
        port = f":{said['port']}" if said.get("port") else ""
        return f"sftp://{said.get('user', '')}@{said.get('host', '')}{port}{said.get('path', '')}"
    return str(said.get("path", ""))


@register.filter
def without_job(value: Any) -> str:
    """A reason without the task's id that stands behind it: the event log has it for whoever needs it."""
    return re.sub(r"\s*\[job [0-9a-f-]{32,36}\]\s*$", "", str(value or ""))


@register.filter
def initials(name: Any) -> str:
    parts = re.split(r"[\s._@-]+", str(name or "?"))
    return "".join(part[0] for part in parts[:2] if part).upper() or "?"


@register.filter
def words(value: Any) -> str:
    """A code word (`must_rotate`, `restore.started`) as readable words."""
    return str(value or "").replace("_", " ").replace("-", " ")


@register.filter
def listed(values: Any) -> str:
    """Code words, sorted and readable, joined by commas."""
    return ", ".join(sorted(words(value) for value in values or ()))


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """A mapping's member by a computed key; empty when it is not there."""
    return mapping.get(key, "") if hasattr(mapping, "get") else ""


@register.filter
def facts(value: Any) -> list[tuple[str, Any]]:
    """Facts of an event or a refusal as readable pairs."""
    if not isinstance(value, dict):
        return []
    return [
        (str(name).replace("_", " "), item) for name, item in value.items() if item not in (None, "", [], {})
    ]


@register.inclusion_tag("components/sort_head.html")
def sort_head(table: Table, key: str, label: str, css: str = "") -> dict[str, Any]:
    """A column head that sorts on the server; the state stands in the URL."""
    return {"table": table, "key": key, "label": label, "css": css, **table.head(key)}


@register.inclusion_tag("components/pager.html")
def pager(table: Table) -> dict[str, Any]:
    return {"table": table}


@register.inclusion_tag("components/progress.html")
def job_progress(job: Any) -> dict[str, Any]:
    """Phase, bar and time left of a job; the fragment that live updates replace."""
    from portal.shell.progress import progress_of

    return {"job": job, "progress": progress_of(job)}


@register.inclusion_tag("components/call.html")
def same_call(method: str, path: str, command: str = "", body: str = "") -> dict[str, Any]:
    """The REST and the command-line call that does the same as the page."""
    return {"method": method, "path": path, "command": command, "body": body}


@register.inclusion_tag("components/empty.html")
def empty(
    title: str, text: str, name: str = "circle-dashed", url: str = "", action: str = ""
) -> dict[str, Any]:
    return {"title": title, "text": text, "icon_name": name, "url": url, "action": action}


@register.inclusion_tag("components/alert.html")
def alert(tone: str, title: str, text: str = "", url: str = "", action: str = "") -> dict[str, Any]:
    """An alert: the consequence, and one action."""
    return {"tone": tone, "title": title, "text": text, "url": url, "action": action}


@register.inclusion_tag("components/field.html")
def field(bound: Any, hint: str = "", optional: bool = True) -> dict[str, Any]:
    """A form field with label, hint and errors tied to it for assistive technology. That it may be left empty
    is said of what is typed and not required, unless `optional` is false: then something else says it."""
    kind = getattr(bound.field.widget, "input_type", "textarea")
    css = {"select": "form-select", "checkbox": "", "radio": "", "file": "form-control"}.get(
        kind, "form-control"
    )
    css = f"{css} {bound.field.widget.attrs.get('class', '')}".strip()
    attrs: dict[str, Any] = {"class": css} if css else {}
    words = hint or str(bound.help_text)
    if words:
        attrs["aria-describedby"] = f"{bound.auto_id}_helptext"
    return {
        "field": bound,
        "hint": words,
        "widget": bound.as_widget(attrs=attrs),
        "is_check": kind == "checkbox",
        "is_optional": optional and not bound.field.required and kind not in ("select", "checkbox"),
    }


@register.filter
def control(bound: Any) -> SafeString:
    """A bound field's input alone, without its placeholder, for forms that set their own labels."""
    bound.field.widget.attrs.pop("placeholder", None)
    return SafeString(bound.as_widget(attrs={"class": "form-control"}))


@register.filter
def job_title(kind: Any) -> str:
    """What a kind of job does, in words."""
    return JOB_TITLES.get(str(kind), words(str(kind).replace(".", ": ")).capitalize())
