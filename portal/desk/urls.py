from django.urls import path

from portal.desk.views import custody, home, registry, tickets, wizard

app_name = "desk"

urlpatterns = [
    path("", home.home, name="home"),
    path("finder/", home.finder, name="finder"),
    path("tickets/", tickets.tickets, name="tickets"),
    path("tickets/new/", wizard.start, name="ticket-new"),
    path("tickets/new/discard/", wizard.discard, name="ticket-discard"),
    path("tickets/new/<slug:step>/", wizard.step, name="ticket-step"),
    path("tickets/<uuid:ticket_id>/", tickets.ticket, name="ticket"),
    path("tickets/<uuid:ticket_id>/approve/", tickets.approve, name="ticket-approve"),
    path("tickets/<uuid:ticket_id>/move/<slug:name>/", tickets.move, name="ticket-move"),
    path("customers/", registry.customers, name="customers"),
    path("customers/<uuid:customer_id>/", registry.customer, name="customer"),
    path("appliances/", registry.appliances, name="appliances"),
    path("appliances/<uuid:appliance_id>/", registry.appliance, name="appliance"),
    path("units/", registry.units, name="units"),
    path("units/<uuid:unit_id>/", registry.unit, name="unit"),
    path("units/<uuid:unit_id>/ended/", registry.unit_ended, name="unit-ended"),
    path("values/", registry.values, name="values"),
    path("values/<uuid:value_id>/", registry.value, name="value"),
    path("ledger/", custody.ledger, name="ledger"),
    path("drills/", custody.drills, name="drills"),
    path("authority/", custody.authority, name="authority"),
]
