"""Each page of the unit for each role: what one may not see does not exist; nothing inline is in the rest."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from appliance.backup.models import BackupTarget
from appliance.catalog.models import VirtualImage
from appliance.unit.models import Unit
from audit.models import Event
from jobs.models import Job
from tests.portal.unit.conftest import VALUE
from tests.support.pages import CSP, HOSTILE, browser_of, inline_code, page_names, policy_of
from tests.support.people import PASSWORD

pytestmark = pytest.mark.django_db
EVERYONE = ("admin", "auditor", "member", "recovery-operator", "nobody")
READ = ("admin", "auditor")
CONTENT = ("admin", "auditor", "member")
RECOVER = ("admin", "recovery-operator")

# Pages that are read: name, arguments out of `furnished`, roles that see them.
PAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shell:tray": ((), EVERYONE),
    "shell:tray-label": ((), EVERYONE),
    "shell:find": ((), EVERYONE),
    "shell:jobs": ((), EVERYONE),
    "shell:job": (("job",), ("admin", "auditor", "recovery-operator")),
    "shell:job-row": (("job",), ("admin", "auditor", "recovery-operator")),
    "shell:events": ((), READ),
    "shell:event": (("event",), READ),
    "shell:people": ((), READ),
    "shell:person-add": ((), ("admin",)),
    "shell:person": (("member",), ("admin",)),
    "shell:account": ((), EVERYONE),
    "shell:tokens": ((), EVERYONE),
    "unit:survival": ((), READ),
    "unit:finder": ((), EVERYONE),
    "unit:images": ((), CONTENT),
    "unit:image": (("disk",), CONTENT),
    "unit:backups": ((), READ),
    "unit:backup": (("image",), READ),
    "unit:carried": ((), (*READ, "recovery-operator")),
    "unit:coverage": ((), READ),
    "unit:targets": ((), READ),
    "unit:storage": ((), READ),
    "unit:target": (("target",), READ),
    "unit:objects": (("image",), READ),
    "unit:retention": (("target",), READ),
    "unit:notices": ((), READ),
    "unit:channels": ((), READ),
    "unit:schedules": ((), READ),
    "unit:schedule": (("schedule",), READ),
    "unit:schedule-add": ((), ("admin",)),
    "unit:keys": ((), READ),
    "unit:key": (("key_id",), READ),
    "unit:restore": ((), RECOVER),
    "unit:restore-preview": (("image",), RECOVER),
    "unit:recover": ((), RECOVER),
    "unit:settings": ((), (*READ, "recovery-operator")),
}
# Acts: never by GET, and only for these roles by POST.
ACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shell:again": ((), EVERYONE),
    "shell:job-cancel": (("job",), ("admin", "recovery-operator")),
    "shell:job-retry": (("job",), ("admin", "recovery-operator")),
    "shell:person-deactivate": (("member",), ("admin",)),
    "shell:person-password": (("member",), ("admin",)),
    "shell:token-revoke": (("job",), ()),
    "unit:image-take": ((), ("admin", "member")),
    "unit:image-rename": (("disk",), ("admin", "member")),
    "unit:image-delete": (("disk",), ("admin", "member")),
    "unit:backup-run": ((), ("admin",)),
    "unit:backup-verify": (("image",), ("admin",)),
    "unit:storage-look": ((), ("admin",)),
    "unit:storage-collect": ((), ("admin",)),
    "unit:backup-export": (("image",), ("admin",)),
    "unit:carried-import": ((), RECOVER),
    "unit:carried-remove": (("carried",), ("admin",)),
    "unit:target-connect": (("target",), RECOVER),
    "unit:target-remove": (("target",), ("admin",)),
    "unit:target-pin": (("target",), ("admin",)),
    "unit:target-copy": (("target",), ("admin",)),
    "unit:retention-clear": (("target",), ("admin",)),
    "unit:prune": (("target",), ("admin",)),
    "unit:backup-protect": (("image",), ("admin",)),
    "unit:backup-unprotect": (("image",), ("admin",)),
    "unit:backup-expire": (("image",), ("admin",)),
    "unit:backup-keep": (("image",), ("admin",)),
    "unit:notices-read": ((), READ),
    "unit:notice-read": (("notice",), READ),
    "unit:channel-test": (("channel",), ("admin",)),
    "unit:channel-switch": (("channel",), ("admin",)),
    "unit:channel-secret": (("channel",), ("admin",)),
    "unit:channel-remove": (("channel",), ("admin",)),
    "unit:objects-read": (("image",), ("admin",)),
    "unit:object-restore": (("image",), ("admin",)),
    "unit:schedule-preview": ((), ("admin",)),
    "unit:schedule-pause": (("schedule",), ("admin",)),
    "unit:schedule-resume": (("schedule",), ("admin",)),
    "unit:schedule-remove": (("schedule",), ("admin",)),
    "unit:key-rotate": ((), ("admin",)),
    "unit:key-value": (("key_id",), ("admin",)),
    "unit:key-sheet": (("key_id",), ("admin",)),
    "unit:key-prove": (("key_id",), ("admin",)),
    "unit:key-drill": (("key_id",), ("admin",)),
    "unit:key-waive": (("key_id",), ("admin",)),
    "unit:restore-read": (("image",), RECOVER),
    "unit:restore-start": (("image",), RECOVER),
    "unit:settings-authority": ((), RECOVER),
    "unit:settings-outbound": ((), ("admin",)),
    "unit:settings-tampered": ((), ("admin",)),
}
# Pages whose answer depends on the unit's state; they have tests of their own.
ELSEWHERE = {"unit:carried-file", "unit:home", "unit:recover-step", "unit:recover-act"}


def _address(name: str, arguments: tuple[str, ...], furnished: dict[str, Any]) -> str:
    known = {
        **{key: getattr(row, "pk", None) for key, row in furnished.items()},
        "key_id": furnished["key"].key_id,
        "carried": "nothing.strongroom-image",
        "member": furnished["people"]["member"].pk,
    }
    return reverse(name, args=[known[argument] for argument in arguments])


def test_every_page_of_the_url_map_stands_in_these_tables() -> None:
    assert page_names() == set(PAGES) | set(ACTS) | ELSEWHERE


@pytest.mark.parametrize("name", sorted({**PAGES, **ACTS}))
def test_a_stranger_is_asked_to_sign_in(name: str, furnished: dict[str, Any]) -> None:
    address = _address(name, ({**PAGES, **ACTS})[name][0], furnished)
    answer = Client().post(address) if name in ACTS else Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", EVERYONE)
@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_there_for_its_roles_and_for_nobody_else(
    name: str, role: str, furnished: dict[str, Any]
) -> None:
    arguments, roles = PAGES[name]
    answer = browser_of(furnished["people"][role]).get(_address(name, arguments, furnished))
    assert answer.status_code == {True: 200, False: 404}[role in roles]
    assert inline_code(answer) == []
    assert policy_of(answer) == CSP


@pytest.mark.parametrize("name", sorted(ACTS))
def test_an_act_never_happens_by_looking(name: str, furnished: dict[str, Any]) -> None:
    before = Event.objects.count()
    answer = browser_of(furnished["people"]["admin"]).get(_address(name, ACTS[name][0], furnished))
    assert answer.status_code == 405
    assert Event.objects.count() == before


@pytest.mark.parametrize("role", EVERYONE)
@pytest.mark.parametrize("name", sorted(set(ACTS) - {"shell:again"}))
def test_an_act_does_not_exist_for_other_roles(name: str, role: str, furnished: dict[str, Any]) -> None:
    arguments, roles = ACTS[name]
    answer = browser_of(furnished["people"][role]).post(_address(name, arguments, furnished))
    assert (answer.status_code == 404) or role in roles


def test_a_form_without_its_token_is_refused(furnished: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(
        furnished["people"]["admin"], backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    answer = client.post(reverse("unit:key-rotate"), {"reason": "x", "kind": "symmetric"})
    assert answer.status_code == 403


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str, furnished: dict[str, Any]) -> None:
    people = furnished["people"]
    VirtualImage.objects.filter(pk=furnished["disk"].pk).update(name=name, description=name, owner_name=name)
    BackupTarget.objects.filter(pk=furnished["target"].pk).update(
        name=name[:100], settings={"path": name}, problem={"title": name, "next_step": name, "code": name}
    )
    Unit.objects.update(appliance_name=name[:120], customer_name=name[:120])
    browser = browser_of(people["admin"])
    for page in ("unit:images", "unit:image", "unit:backups", "unit:targets", "unit:target", "unit:survival"):
        answer = browser.get(_address(page, PAGES[page][0], furnished))
        assert answer.status_code == 200
        assert inline_code(answer) == []
        assert "Set-Cookie: x" not in str(answer.headers)


def test_a_look_at_a_value_is_an_event(furnished: dict[str, Any]) -> None:
    answer = browser_of(furnished["people"]["admin"]).post(_address("unit:key-value", ("key_id",), furnished))
    assert VALUE.encode() in answer.content
    assert Event.objects.filter(
        action="keys.value-downloaded", actor_name=furnished["people"]["admin"].username
    )


def test_a_value_is_not_shown_on_the_page_before_it_was_asked_for(furnished: dict[str, Any]) -> None:
    answer = browser_of(furnished["people"]["admin"]).get(_address("unit:key", ("key_id",), furnished))
    assert VALUE.encode() not in answer.content


def test_the_value_comes_as_a_file_with_a_plain_name(furnished: dict[str, Any]) -> None:
    address = _address("unit:key-value", ("key_id",), furnished)
    answer = browser_of(furnished["people"]["admin"]).post(address, {"as": "file"})
    assert answer["Content-Disposition"] == 'attachment; filename="value-epoch-1.txt"'


def test_a_stale_sign_in_is_asked_again_and_then_the_act_goes_on(furnished: dict[str, Any]) -> None:
    admin = furnished["people"]["admin"]
    browser = browser_of(admin, fresh=False)
    asked = browser.post(reverse("unit:image-delete", args=[furnished["disk"].pk]))
    assert asked.status_code == 401
    assert VirtualImage.objects.count() == 1
    kept = {"path": reverse("unit:image-delete", args=[furnished["disk"].pk]), "method": "POST"}
    wrong = browser.post(reverse("shell:again"), {**kept, "password": "not the password"})
    assert wrong.status_code == 401
    assert VirtualImage.objects.count() == 1
    done = browser.post(reverse("shell:again"), {**kept, "password": PASSWORD})
    assert done.status_code == 302
    assert VirtualImage.objects.count() == 0


@pytest.mark.parametrize(
    "path", ["/accounts/logout/", "/api/v1/jobs", "//evil.example/", "/nowhere/", "/healthz"]
)
def test_what_goes_on_after_a_fresh_sign_in_is_a_page_of_this_site(
    path: str, furnished: dict[str, Any]
) -> None:
    answer = browser_of(furnished["people"]["admin"]).post(
        reverse("shell:again"), {"path": path, "method": "POST", "password": PASSWORD}
    )
    assert answer.status_code == 404


def test_the_tamper_declaration_asks_for_the_serial(furnished: dict[str, Any]) -> None:
    browser_of(furnished["people"]["admin"]).post(reverse("unit:settings-tampered"), {"confirm_name": "yes"})
    assert not Event.objects.filter(action="unit.tamper").exists()


def test_a_refusal_shows_its_code_and_the_event_that_keeps_it(furnished: dict[str, Any]) -> None:
    Unit.objects.update(state="must_rotate")
    browser = browser_of(furnished["people"]["admin"])
    answer = browser.post(reverse("unit:backup-run"), {"target": furnished["target"].pk}, follow=True)
    event = Event.objects.get(action="portal.refused")
    assert b"backup.must-rotate" in answer.content
    assert str(event.id).encode() in answer.content


def test_a_dry_run_of_a_backup_is_started_and_shown_beside_the_backups(furnished: dict[str, Any]) -> None:
    browser = browser_of(furnished["people"]["admin"])
    browser.post(reverse("unit:backup-run"), {"target": furnished["target"].pk, "dry_run": "1"})
    found = {"target": "shelf", "virtual_images": 2, "content_bytes": 9_000_000, "new_packs": 3,
             "new_bytes": 5_000_000, "there_packs": 1, "there_bytes": 1_000_000, "free_bytes": 4_000_000,
             "fits": False}  # fmt: skip
    Job.objects.filter(kind="backup.foresee").update(state="done", result=found, ended_at=timezone.now())
    page = browser.get(reverse("unit:backups")).content.decode()
    assert "5.0 MB in 3 packs, and the database" in page
    assert "More than is free there" in page


@pytest.mark.parametrize(
    ("role", "state", "place"),
    [
        ("admin", "in_service", "/survival/"),
        ("auditor", "in_service", "/survival/"),
        ("member", "in_service", "/images/"),
        ("admin", "must_rotate", "/recover/"),
        ("recovery-operator", "blank", "/recover/"),
    ],
)
def test_each_person_lands_where_they_are_needed(
    role: str, state: str, place: str, furnished: dict[str, Any]
) -> None:
    Unit.objects.update(state=state)
    assert browser_of(furnished["people"][role]).get("/")["Location"] == place


def test_a_theme_that_was_chosen_is_rendered_and_no_other_text_is(furnished: dict[str, Any]) -> None:
    browser = browser_of(furnished["people"]["admin"])
    browser.cookies["strongroom_theme"] = "dark"
    assert b'data-bs-theme="dark"' in browser.get("/survival/").content
    browser.cookies["strongroom_theme"] = 'x" onload="alert(1)'
    answer = browser.get("/survival/")
    assert b"data-bs-theme" not in answer.content
