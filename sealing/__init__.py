"""Formats and cryptography of Strongroom. No Django, no I/O beyond the streams handed in.

The only direct importer of `cryptography`. Each module says its contract; the formats are normative in
docs/formats/. Start-up of any process that seals calls `sealing.hpke.require_suite()`.
"""
