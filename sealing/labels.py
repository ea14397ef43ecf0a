"""Every label of every derivation and every document type, in one table (docs/formats/README.md §6).

A label names product, purpose and version; two purposes never share one, so no output made for one purpose
can serve another. A label is never reused with another meaning: a change of meaning is a new version. `Label`
values are ASCII without NUL, which is what makes `label ‖ NUL ‖ rest` unambiguous.
"""

from __future__ import annotations

from typing import Final, NewType

Label = NewType("Label", bytes)

# Document types: the `typ` member of a protected header.
TYP_VALUE: Final = "strongroom-value+jws;v=1"
TYP_LODGING_RECEIPT: Final = "strongroom-lodging-receipt+jws;v=1"
TYP_DRILL_REQUEST: Final = "strongroom-drill-request+jws;v=1"
TYP_DRILL_PROOF: Final = "strongroom-drill-proof+jws;v=1"
TYP_TRANSFER_REQUEST: Final = "strongroom-transfer-request+jws;v=1"
TYP_TICKET: Final = "strongroom-ticket+jws;v=1"
TYP_APPROVAL: Final = "strongroom-approval+jws;v=1"
TYP_TRANSFER: Final = "strongroom-transfer+jws;v=1"
TYP_INSTALLATION: Final = "strongroom-installation+jws;v=1"
TYP_RECOVERY_REPORT: Final = "strongroom-recovery-report+jws;v=1"
TYP_HEAD: Final = "strongroom-head+jws;v=1"
TYP_DEVICE_RECORD: Final = "strongroom-device-record+jws;v=1"
TYP_AUTHORITY_LIST: Final = "strongroom-authority-list+jws;v=1"
TYP_ROSTER: Final = "strongroom-roster+jws;v=1"
TYP_ENROLMENT: Final = "strongroom-enrolment+jws;v=1"
TYP_POSSESSION: Final = "strongroom-possession+jws;v=1"
TYP_LEDGER_ENTRY: Final = "strongroom-ledger-entry+jws;v=1"
TYP_COUNTERSIGNATURE: Final = "strongroom-countersignature+jws;v=1"
TYP_VOID: Final = "strongroom-void+jws;v=1"
TYP_WITHDRAWAL: Final = "strongroom-withdrawal+jws;v=1"
TYP_DELETION: Final = "strongroom-deletion+jws;v=1"
TYP_KEY_FILE: Final = "strongroom-key-file;v=1"

# Checks for people on a value sheet (docs/formats/value-sheet.md §1).
SHEET: Final = Label(b"strongroom value sheet v1")
SHEET_LINE: Final = Label(b"strongroom value sheet line v1")
SHEET_PART: Final = Label(b"strongroom value sheet part v1")

# `info` of HPKE, and the label inside the digest that RSA-OAEP carries.
SEAL_VALUE: Final = Label(b"strongroom value seal v1")
SEAL_TRANSFER: Final = Label(b"strongroom transfer seal v1")
SEAL_ENGINE_SECRET: Final = Label(b"strongroom engine secret v1")
WRAP_TO_PAIR: Final = Label(b"strongroom key to hybrid backup key v1")

# HKDF and HMAC under a backup key.
COMMIT_BACKUP_KEY: Final = Label(b"strongroom backup key commitment v1")
DERIVE_DRILL: Final = Label(b"strongroom drill key v1")
MAC_DRILL: Final = Label(b"strongroom drill transcript v1")
WRAP_UNDER_KEY: Final = Label(b"strongroom key under symmetric backup key v1")

# Sealing under a symmetric key with commitment (envelope.py).
ENVELOPE_KEY: Final = Label(b"strongroom envelope key v1")
ENVELOPE_COMMIT: Final = Label(b"strongroom envelope commitment v1")
