"""The desk's REST, below ``/api/v1/``."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from manufacturer.escrow.api import views as escrow
from manufacturer.registry.api import views as registry
from manufacturer.rma.api import views as rma

router = SimpleRouter(trailing_slash=False)
router.register("customers", registry.CustomerViews)
router.register("appliances", registry.ApplianceViews)
router.register("units", registry.UnitViews)
router.register("transfer-requests", registry.TransferRequestViews)
router.register("values", escrow.ValueViews)
router.register("heads", escrow.HeadViews)
router.register("drills", escrow.DrillViews)
router.register("ledger", escrow.LedgerViews)
router.register("tickets", rma.TicketViews)

urlpatterns = [
    path("authority", registry.AuthorityView.as_view(), name="authority"),
    path("authority-keys", registry.AuthorityKeysView.as_view(), name="authority-keys"),
    path("enrolments/<str:thumbprint>", registry.EnrolmentView.as_view(), name="enrolment"),
    path("values/identify", escrow.IdentifyView.as_view(), name="values-identify"),
    path("transfers/collect", rma.CollectView.as_view(), name="transfers-collect"),
    path("installations", rma.InstallationView.as_view(), name="installations"),
    path("recovery-reports", rma.ReportView.as_view(), name="recovery-reports"),
    path("custody/requests", escrow.CustodyRequestsView.as_view(), name="custody-requests"),
    path("custody/requests/<uuid:pk>/reply", escrow.CustodyReplyView.as_view(), name="custody-reply"),
    path("custody/ledger", escrow.CustodyLedgerView.as_view(), name="custody-ledger"),
    path("", include(router.urls)),
]
