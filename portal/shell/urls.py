from django.urls import path

from portal.shell.views import again, events, frame, people, tasks

app_name = "shell"

urlpatterns = [
    path("-/tray/", frame.tray, name="tray"),
    path("-/tray-label/", frame.tray_label, name="tray-label"),
    path("-/find/", frame.find, name="find"),
    path("-/tasks/<uuid:job_id>/row/", tasks.job_row, name="job-row"),
    path("tasks/", tasks.jobs, name="jobs"),
    path("tasks/<uuid:job_id>/", tasks.job, name="job"),
    path("tasks/<uuid:job_id>/cancel/", tasks.cancel, name="job-cancel"),
    path("tasks/<uuid:job_id>/retry/", tasks.retry, name="job-retry"),
    path("events/", events.events, name="events"),
    path("events/<uuid:event_id>/", events.event, name="event"),
    path("people/", people.people, name="people"),
    path("people/add/", people.add_person, name="person-add"),
    path("people/<uuid:user_id>/", people.person, name="person"),
    path("people/<uuid:user_id>/deactivate/", people.deactivate_person, name="person-deactivate"),
    path("people/<uuid:user_id>/password/", people.new_password, name="person-password"),
    path("account/again/", again.again, name="again"),
    path("account/", people.account, name="account"),
    path("account/tokens/", people.tokens, name="tokens"),
    path("account/tokens/<uuid:token_id>/revoke/", people.revoke_token, name="token-revoke"),
]
