"""The key process: the only holder of vault, keyring and backup keys. No Django.

Verbs, no getters for `K`.
"""

from __future__ import annotations

import importlib

VERB_MODULES = ("unit", "epochs", "images", "documents", "transfers", "guard")


def load_verbs() -> None:
    """Import the modules that fill the table of verbs."""
    for name in VERB_MODULES:
        importlib.import_module(f"{__name__}.{name}")
