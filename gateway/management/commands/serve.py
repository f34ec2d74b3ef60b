"""`manage.py serve clients|people`: one of the two doors, on gunicorn's threads."""

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management.base import BaseCommand, CommandError
from gunicorn.app.base import BaseApplication

from gateway.configuration import Configuration
from gateway.local.tether import die_with_parent

DOORS = ("clients", "people")
GRACE_S = 30


class Command(BaseCommand):
    help = "Serve the clients' door (REST, PORT) or the people's door (review, PORT + 1)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("door", choices=DOORS)
        parser.add_argument("--processes", type=int, default=1, help="gunicorn workers, each with its threads (1)")
        parser.add_argument(
            "--grace-s", type=int, default=GRACE_S, help="seconds for requests under way at a stop (30)"
        )

    def handle(self, *_args: Any, door: str, processes: int, grace_s: int, **_options: Any) -> None:
        configuration: Configuration = settings.CONFIGURATION
        if configuration.process != door:
            raise CommandError(f"IMPRIMATUR_PROCESS is {configuration.process!r}: unset it, or set it to {door!r}")
        port = configuration.port + DOORS.index(door)
        Door(
            {
                "bind": f"{configuration.bind}:{port}",
                "workers": processes,
                "threads": configuration.door_threads,
                "worker_class": "gthread",
                "graceful_timeout": grace_s,
                "timeout": 60,
                "keepalive": 15,
                "control_socket_disable": True,
                "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108  # gunicorn's own advice
                "proc_name": f"imprimatur {door}",
                "loglevel": "warning",
                "post_fork": _tie_to_master,
            }
        ).run()


class Door(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn without command line and configuration file."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIHandler:
        from gateway.wsgi import application

        return application


def _tie_to_master(_arbiter: object, worker: Any) -> None:
    """A worker whose master was killed would keep the port until it looks."""
    die_with_parent(worker.ppid, signal.SIGKILL)
