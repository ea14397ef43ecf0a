#!/usr/bin/env python
"""Django's commands for the side named by STRONGROOM_ROLE."""

import os
import sys
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["runserver"]:
        # A development server speaks plain HTTP: the loopback switch, with all it refuses.
        os.environ.setdefault("STRONGROOM_LOOPBACK", "1")
    # The site's directory is the default one of this checkout, wherever the command is called from.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
