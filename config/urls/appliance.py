"""URLs of the appliance role."""

from config.urls.common import error_handlers, patterns

urlpatterns = patterns("appliance")
globals().update(error_handlers())
