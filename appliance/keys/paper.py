"""A value sheet as a PDF of A4 pages: what it is and its codes, then its lines.

Only the fonts that every reader of PDF has are used, so nothing is embedded; a name in another script than
Latin-1 is shown with question marks, and the value itself carries it whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpResponse

from appliance.keys.sheets import TITLE, WHAT_IT_IS, WHAT_LINES_ARE, WHAT_TO_DO, ValueSheet

if TYPE_CHECKING:
    from fpdf import FPDF

    from sealing.sheet import Line, Part

MARGIN: Final = 16.0  # mm, as every length here
WIDTH: Final = 210 - 2 * MARGIN
COLUMNS: Final = 3
CODE: Final = 53.0  # a code of version 20 has 97 modules: half a millimetre each, quiet zone and all
QR_ERROR: Final = "m"  # docs/formats/value-sheet.md §3
INK, GREY = 20, 95


def qr_code(text: str) -> Any:
    """The code of one part: byte mode, error correction M, never a micro code."""
    import segno

    return segno.make_qr(text, error=QR_ERROR, mode="byte", boost_error=False)


def pdf_of(sheets: Sequence[ValueSheet]) -> bytes:
    """All sheets of a key in one file."""
    from fpdf import FPDF

    pdf = FPDF(format="A4", unit="mm")
    pdf.set_margins(MARGIN, MARGIN, MARGIN)
    pdf.set_auto_page_break(False)
    pdf.set_title(f"{TITLE}, epoch {sheets[0].epoch} of {_latin(sheets[0].serial)}")
    pdf.set_creator("Strongroom")
    for made in sheets:
        _front(pdf, made)
        _lines(pdf, made)
    return bytes(pdf.output())


def pdf_response(epoch: int, data: bytes) -> HttpResponse:
    """A sheet as a file with a plain name."""
    headers = {"Content-Disposition": f'attachment; filename="value-sheet-epoch-{epoch}.pdf"'}
    return HttpResponse(
        data, content_type="application/pdf", headers={**headers, "Cache-Control": "no-store"}
    )


def _front(pdf: FPDF, made: ValueSheet) -> None:
    pdf.add_page()
    _text(pdf, 20, TITLE, bold=True, height=9)
    pdf.ln(1.5)
    _text(pdf, 10, WHAT_IT_IS, colour=GREY)
    pdf.ln(3)
    for label, said, mono in _facts(made):
        _fact(pdf, label, said, mono=mono)
    pdf.ln(3)
    _text(pdf, 10, WHAT_TO_DO)
    pdf.ln(4)
    parts = made.sheet.parts
    _text(pdf, 11, f"The value in {len(parts)} codes", bold=True, height=6)
    top = pdf.get_y() + 1
    gap = (WIDTH - COLUMNS * CODE) / (COLUMNS - 1)
    for place, part in enumerate(parts):
        row, column = divmod(place, COLUMNS)
        if top + (row + 1) * (CODE + 6) > 297 - MARGIN - 8:
            _foot(pdf, made)
            pdf.add_page()
            top = MARGIN - row * (CODE + 6)
        _code(pdf, part, MARGIN + column * (CODE + gap), top + row * (CODE + 6))
    _foot(pdf, made)


def _facts(made: ValueSheet) -> Iterable[tuple[str, str, bool]]:
    named = f"{made.appliance} of {made.customer}" if made.customer else made.appliance
    yield "Unit", f"{made.serial}, {named}" if named else made.serial, False
    yield "Key", f"epoch {made.epoch}, id {made.key_id}", True
    yield "Sealed to authority key", made.authority, True
    yield "Proof", made.proof, False
    yield "Digest of the value", made.digest, True
    yield "Sheet", made.sheet.shown_id, True


def _fact(pdf: FPDF, label: str, said: str, *, mono: bool) -> None:
    pdf.set_font("helvetica", size=9)
    pdf.set_text_color(GREY)
    pdf.cell(42, 5.2, label)
    pdf.set_text_color(INK)
    pdf.set_font("courier" if mono else "helvetica", size=9)
    pdf.multi_cell(WIDTH - 42, 5.2, _latin(said), align="L", new_x="LMARGIN", new_y="NEXT")


def _code(pdf: FPDF, part: Part, x: float, y: float) -> None:
    picture = io.BytesIO()
    qr_code(part.text).save(picture, kind="png", scale=4, border=4)
    picture.seek(0)
    pdf.image(picture, x=x, y=y, w=CODE, h=CODE)
    pdf.set_xy(x, y + CODE - 0.5)
    pdf.set_font("helvetica", size=8.5)
    pdf.set_text_color(INK)
    pdf.cell(CODE, 4, f"{part.number} of {part.count}", align="C")


def _lines(pdf: FPDF, made: ValueSheet) -> None:
    lines = made.sheet.lines
    pdf.add_page()
    _text(pdf, 11, "The same value in lines to type", bold=True, height=6)
    _text(
        pdf,
        9,
        f"Begin with the line below. {WHAT_LINES_ARE}",
        colour=GREY,
    )
    pdf.ln(1)
    _row(pdf, made.sheet.head)
    pdf.ln(1.5)
    for line in lines:
        if pdf.get_y() > 297 - MARGIN - 12:
            _foot(pdf, made)
            pdf.add_page()
        _row(pdf, _printed(line, len(str(len(lines)))))
    _foot(pdf, made)


def _printed(line: Line, width: int) -> str:
    groups = " ".join(line.groups)
    return f"{line.number:0{width}}  {groups:<71}  {line.check}"


def _row(pdf: FPDF, text: str) -> None:
    pdf.set_font("courier", size=9)
    pdf.set_text_color(INK)
    pdf.cell(WIDTH, 3.85, text, new_x="LMARGIN", new_y="NEXT")


def _text(
    pdf: FPDF, size: float, text: str, *, bold: bool = False, height: float = 5, colour: int = INK
) -> None:
    pdf.set_font("helvetica", style="B" if bold else "", size=size)
    pdf.set_text_color(colour)
    pdf.multi_cell(WIDTH, height, _latin(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _foot(pdf: FPDF, made: ValueSheet) -> None:
    """Every page says whose it is: pages are torn apart."""
    pdf.set_xy(MARGIN, 297 - MARGIN)
    pdf.set_font("helvetica", size=8)
    pdf.set_text_color(GREY)
    whose = f"{TITLE} {made.sheet.shown_id} - unit {made.serial}, epoch {made.epoch} - page {pdf.page_no()}"
    pdf.cell(WIDTH, 4, _latin(whose))


def _latin(text: str) -> str:
    """What the built-in fonts can show."""
    return text.encode("latin-1", "replace").decode("latin-1")
