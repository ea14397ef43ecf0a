"""No URLs: for processes that answer no requests."""

urlpatterns: list[object] = []
