"""The Celery application: how nudges travel and how worker processes live. docs/operating.md says why each setting.

The broker may lose everything at any time: the rows in PostgreSQL are the work. What Celery gives is a quick wake-up,
a supervised child process, and an orderly stop.
"""

import contextlib
import logging
import os
import signal
from typing import Any

import psutil
from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown, worker_shutting_down
from django.conf import settings

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")

TASKS = {
    "screening": "gateway.tasks.screen",
    "generation": "gateway.tasks.generate",
    "delivery": "gateway.tasks.deliver",
}
EXPIRES_S = 10  # a nudge that waited for longer is old news: the sweeper has sent another

app = Celery("imprimatur", set_as_current=True)


def _transport_options(url: str) -> dict[str, Any]:
    if url.startswith("amqp"):
        return {"confirm_publish": True}
    return {"visibility_timeout": 7200, "socket_timeout": 5, "socket_connect_timeout": 3, "health_check_interval": 25}


def configure() -> None:
    configuration = settings.CONFIGURATION
    turn_with_load_s = configuration.turn_s + 900
    app.conf.update(
        broker_url=configuration.celery_broker_url,
        broker_transport_options=_transport_options(configuration.celery_broker_url),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        imports=("gateway.tasks",),
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_acks_on_failure=True,
        task_acks_on_timeout=True,
        task_time_limit=turn_with_load_s,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_pool_start_method="spawn",
        worker_proc_alive_timeout=600,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=min(30, configuration.turn_s),
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        task_default_queue="none",
    )


configure()


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Django's LOGGING stands; Celery configures none of its own."""


@worker_process_init.connect
def _begin(**_: Any) -> None:
    from gateway.work import worker

    try:
        worker.begin(settings.CONFIGURATION.process)
    except Exception:  # Celery would go on, with a child that takes every nudge and does nothing
        logger.exception("a worker cannot begin: ending")
        worker.end_process()


@worker_shutting_down.connect
def _hurry(**_: Any) -> None:
    """Celery would wait for the turn to end by itself: tell the pool child, whatever supervisor asked us to stop."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGTERM)


@worker_process_shutdown.connect
def _end(**_: Any) -> None:
    from gateway.work import worker

    worker.end()
