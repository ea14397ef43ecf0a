"""URLs of the manufacturer role."""

from config.urls.common import error_handlers, patterns

urlpatterns = patterns("manufacturer")
globals().update(error_handlers())
