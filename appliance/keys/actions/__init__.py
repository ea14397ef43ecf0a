"""What people do with keys, one action a file. None of them touches a key: they write rows and start jobs."""

from .download_value import download_value, prove_download
from .make_value_sheet import make_value_sheet
from .start_drill import start_drill
from .start_rotation import start_rotation
from .waive_drill import waive_drill

__all__ = [
    "download_value",
    "make_value_sheet",
    "prove_download",
    "start_drill",
    "start_rotation",
    "waive_drill",
]
