"""The format pages say what the code does: members, labels, limits; and their examples are those of the
vectors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sealing import labels
from sealing.claims import Claims, kinds_of
from sealing.documents import (
    approval,
    authority_list,
    deletion_record,
    device_record,
    drill,
    enrolment,
    head,
    installation,
    possession,
    receipt,
    report,
    roster,
    ticket,
    transfer,
    transfer_request,
    value,
)
from sealing.documents.base import Document
from sealing.jose import KIB
from sealing.passphrase import KeyFile
from tests.vectors.make_documents import FILE
from tests.vectors.render_examples import PAGES, pages, render

STORED = json.loads(FILE.read_text())
ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)

DOCUMENTS: list[tuple[str, str, type[Document]]] = [
    ("value.md", "claim", value.Value),
    ("lodging-receipt.md", "claim", receipt.LodgingReceipt),
    ("drill.md", "claim", drill.DrillRequest),
    ("drill.md", "proof claim", drill.DrillProof),
    ("transfer-request.md", "claim", transfer_request.TransferRequest),
    ("ticket.md", "claim", ticket.Ticket),
    ("approval.md", "claim", approval.Approval),
    ("transfer.md", "claim", transfer.Transfer),
    ("installation.md", "claim", installation.Installation),
    ("recovery-report.md", "claim", report.RecoveryReport),
    ("head.md", "claim", head.Head),
    ("deletion-record.md", "claim", deletion_record.DeletionRecord),
    ("authority-list.md", "claim", authority_list.AuthorityList),
    ("roster.md", "claim", roster.Roster),
    ("device-record.md", "claim", device_record.DeviceRecord),
    ("possession.md", "claim", possession.Possession),
    ("enrolment.md", "claim", enrolment.Enrolment),
]


def table(page: str, heading: str) -> list[str]:
    """First column of the table whose head says `heading`."""
    text = (PAGES / page).read_text()
    rows = text.split(f"| {heading} | shape | meaning |\n")[1].split("\n\n")[0]
    return ROW.findall(rows)


@pytest.mark.parametrize(("page", "heading", "claims"), DOCUMENTS, ids=[d[2].__name__ for d in DOCUMENTS])
def test_a_page_lists_exactly_the_claims_that_a_reader_takes(
    page: str, heading: str, claims: type[Document]
) -> None:
    assert table(page, heading) == list(kinds_of(claims))


@pytest.mark.parametrize(("page", "heading", "claims"), DOCUMENTS, ids=[d[2].__name__ for d in DOCUMENTS])
def test_a_page_says_type_size_and_chain_as_the_reader_has_them(
    page: str, heading: str, claims: type[Document]
) -> None:
    text = " ".join((PAGES / page).read_text().split())
    form = claims.FORM
    section = text[text.index(f"`{form.typ}`") :].split(f"| {heading} | shape")[0]
    assert f"at most {form.max_bytes // KIB} KiB" in section
    assert ("`x5c`" in section) == form.chained
    assert ("sealed with label" in section) == (form.seal is not None)


def test_the_key_files_page_lists_its_members() -> None:
    assert table("key-file.md", "member") == list(kinds_of(KeyFile))


@pytest.mark.parametrize(
    ("page", "claims"),
    [
        ("ticket.md", ticket.TicketValue),
        ("ticket.md", ticket.TicketTarget),
        ("transfer.md", transfer.TransferTicket),
        ("transfer.md", transfer.TransferTarget),
        ("transfer.md", transfer.TransferKey),
        ("recovery-report.md", report.Restored),
        ("recovery-report.md", report.NewEpoch),
        ("authority-list.md", authority_list.AuthorityEntry),
        ("roster.md", roster.RosterPerson),
    ],
)
def test_a_page_names_the_members_of_members(page: str, claims: type[Claims]) -> None:
    text = (PAGES / page).read_text()
    assert [name for name in kinds_of(claims) if f"`{name}`" not in text] == []


def test_every_label_stands_in_a_table_of_the_pages() -> None:
    text = " ".join(" ".join(page.read_text().split()) for page in sorted(PAGES.glob("*.md")))
    names = [name for name in vars(labels) if name.isupper()]
    values = [getattr(labels, name) for name in names]
    texts = [v.decode() if isinstance(v, bytes) else v for v in values if isinstance(v, str | bytes)]
    assert [value for value in texts if value not in text] == []
    assert len(set(texts)) == len(texts) > 20


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_examples_of_a_page_are_those_of_the_vectors(page: Path) -> None:
    assert page.read_text() == render(page.read_text(), STORED)


def test_the_index_links_every_page_and_no_other() -> None:
    links = set(re.findall(r"\]\(([a-z-]+\.md)\)", (PAGES / "README.md").read_text()))
    assert links == {page.name for page in PAGES.glob("*.md")} - {"README.md"}
