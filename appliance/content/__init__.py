"""Content of the unit: the sealed spool, the store of packs, and the engine between them.

Nothing lies in clear here, from the first byte of an upload on. Imports no Django.
"""

from typing import Final

TENANT: Final = "main"  # one tenant for each unit until groups own content
