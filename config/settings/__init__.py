"""Settings of the side named by STRONGROOM_ROLE; a worker gets a variant without URLs, REST and sign-in."""

from config.site import role

_role = role()
if _role == "manufacturer":
    from config.settings.manufacturer import *  # noqa: F403
elif _role == "custody":
    from config.settings.custody import *  # noqa: F403
else:
    from config.settings.appliance import *  # noqa: F403
