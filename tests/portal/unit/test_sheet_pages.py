"""A value on paper: each look is an event before it is shown, and what is printed reads back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from appliance.keys.models import LodgedValue
from audit.models import Event
from sealing import sheet
from tests.portal.unit.conftest import VALUE
from tests.support.pages import browser_of, inline_code
from tests.support.people import client_of

pytestmark = pytest.mark.django_db
MADE = sheet.cut(VALUE)


@pytest.fixture
def address(furnished: dict[str, Any]) -> str:
    return f"/api/v1/keys/{furnished['key'].key_id}/value/sheet"


@pytest.mark.parametrize("role", ["auditor", "recovery-operator", "member"])
@pytest.mark.parametrize("form", ["", ".pdf"])
def test_nobody_but_an_admin_takes_a_sheet(
    form: str, role: str, address: str, furnished: dict[str, Any]
) -> None:
    assert client_of(furnished["people"][role]).post(address + form).status_code == 403
    assert not Event.objects.filter(action="keys.value-sheet-made").exists()


def test_a_key_without_a_value_has_no_sheet(address: str, furnished: dict[str, Any]) -> None:
    LodgedValue.objects.all().delete()
    for form in ("", ".pdf"):
        answer = client_of(furnished["people"]["admin"]).post(address + form)
        assert answer.json()["code"] == "keys.no-value"


def test_the_page_says_what_it_is_and_its_lines_read_back(furnished: dict[str, Any]) -> None:
    page = reverse("unit:key-sheet", args=[furnished["key"].key_id])
    answer = browser_of(furnished["people"]["admin"]).post(page)
    text = answer.content.decode()
    # The policy allows pictures that stand in the page; scripts and styles there are none.
    assert {found.partition(",")[0] for found in inline_code(answer)} == {
        "src=data:image/svg+xml;charset=utf-8"
    }
    for said in ("SR-1001", "harbour-cloud", "Proven to open on", MADE.shown_id, "Sealed to authority key"):
        assert said in text
    assert text.count("data:image/svg+xml") == len(MADE.parts)
    rows = re.findall(r"<tr>(.*?)</tr>", text.partition("sr-sheet-lines")[2], re.DOTALL)
    typed = "\n".join(
        " ".join(strip_tags(row.replace("</td>", " ").replace("</th>", " ")).split()) for row in rows
    )
    assert sheet.read(f"{MADE.head}\n{typed}") == VALUE


def test_rest_gives_lines_and_parts_and_each_look_is_an_event(
    address: str, furnished: dict[str, Any]
) -> None:
    (made,) = client_of(furnished["people"]["admin"]).post(address).json()
    assert sheet.read(made["typed"]) == VALUE
    assert sheet.read("".join(part["text"] for part in reversed(made["parts"]))) == VALUE
    (event,) = Event.objects.filter(action="keys.value-sheet-made")
    assert event.facts == {"epoch": 1, "form": "text", "sheets": [made["id"]]}
    assert LodgedValue.objects.get().downloaded_by == furnished["people"]["admin"].username


def test_the_pdf_has_a_page_of_codes_and_a_page_of_lines(address: str, furnished: dict[str, Any]) -> None:
    furnished["unit"].appliance_name = "Gdańsk 港"  # no built-in font of a PDF has these
    furnished["unit"].save()
    answer = client_of(furnished["people"]["admin"]).post(f"{address}.pdf")
    assert answer["Content-Disposition"] == 'attachment; filename="value-sheet-epoch-1.pdf"'
    assert answer.content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", answer.content)) == 2
    assert Event.objects.get(action="keys.value-sheet-made").facts["form"] == "pdf"
    page = reverse("unit:key-sheet", args=[furnished["key"].key_id])
    same = browser_of(furnished["people"]["admin"]).post(page, {"as": "pdf"})
    assert same["Content-Type"] == "application/pdf"
