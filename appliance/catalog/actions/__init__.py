"""What people do with virtual images; web side, rows and jobs only."""

from appliance.catalog.actions.create_from_upload import create_from_upload
from appliance.catalog.actions.delete_image import delete_image
from appliance.catalog.actions.import_file import import_file
from appliance.catalog.actions.rename_image import rename_image
from appliance.catalog.actions.start_sealing import seal_image, seal_waiting

__all__ = [
    "create_from_upload",
    "delete_image",
    "import_file",
    "rename_image",
    "seal_image",
    "seal_waiting",
]
