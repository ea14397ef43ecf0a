"""What crosses between the sides: one module per document, one normative page each in docs/formats/.

Every module has a frozen dataclass of claims, `issue(…, signer) -> str`, `read(text, trust …) -> dataclass`
and `digest(text)`. `read` verifies everything that the document and the trust alone can show; what needs a
second fact (the unit's own nonce, the clock, a person's customer) is a method that refuses, or a parameter of
the step that needs it. Nothing here does I/O or asks a clock.
"""
