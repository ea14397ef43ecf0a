"""The Celery app of `config.celery` with the handlers of tests in place of the rooms' own."""

from config.celery import app

app.conf.imports = ["jobs.tasks", "tests.support.job_handlers"]
