"""Celery beneath the job rows: messages carry ids only; the broker may lose every one of them.

Workers import this module first, which makes them workers (settings without URLs, REST and sign-in).
The web tier imports it only to send.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

if not settings.configured:
    # Nobody has loaded settings yet, so this is `celery -A config.celery:app …`, not a web process.
    os.environ.setdefault("STRONGROOM_PROCESS", "worker")

from celery import Celery, signals

from config import rooms
from config.settings import environment as env

_ROLE = env.role()
QUEUE = {"appliance": "engine", "manufacturer": "worker", "custody": "custody"}[_ROLE]

app = Celery("strongroom", set_as_current=True)
app.conf.update(
    broker_url=env.broker_url(env.site()),
    broker_transport_options={
        "global_keyprefix": env.key_prefix(),
        # Far longer than any job: Celery must never start work again by itself; the lease decides.
        "visibility_timeout": 30 * 24 * 3600,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker outlives any absence of its broker
    result_backend=None,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=False,  # early: a delivery is a hint, the row is the truth
    task_default_queue=QUEUE,
    task_create_missing_queues=False,
    task_publish_retry=False,  # the sweeper sends again
    task_protocol=2,
    worker_pool="threads",
    worker_concurrency=int(os.environ.get("STRONGROOM_WORKER_THREADS", "4")),
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    imports=rooms.task_modules(_ROLE),
    timezone="UTC",
)


def _ready_file() -> Any:
    return env.site().run / f"{QUEUE}.ready"


@signals.celeryd_init.connect
def _forget_readiness(**_: Any) -> None:
    _ready_file().unlink(missing_ok=True)


@signals.worker_ready.connect
def _say_ready(**_: Any) -> None:
    if _ROLE != "custody":
        from jobs.sweeper import start

        start()
    _ready_file().write_text(f"{os.getpid()}\n")


@signals.worker_shutdown.connect
def _say_gone(**_: Any) -> None:
    _ready_file().unlink(missing_ok=True)
    if _ROLE != "custody":
        from jobs.sweeper import stop

        stop()
