"""`manage.py work screening|generation|delivery`: a Celery worker of one queue, with one child that does the work."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

KINDS = ("screening", "generation", "delivery")


class Command(BaseCommand):
    help = "Do the work of one kind: check, generate, or publish what was granted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=KINDS)

    def handle(self, *_args: Any, kind: str, **_options: Any) -> None:
        from gateway.celery import app

        process = settings.CONFIGURATION.process
        if process != kind:
            raise CommandError(f"IMPRIMATUR_PROCESS is {process!r}: unset it, or set it to {kind!r}")
        app.worker_main(
            [
                "worker",
                f"--queues={kind}",
                # Two workers of one name would take each other's place at the broker.
                f"--hostname={kind}-{uuid.uuid4().hex[:12]}@%h",
                "--pool=prefork",
                "--concurrency=1",
                "--loglevel=INFO",
                "--without-gossip",
                "--without-mingle",
            ]
        )
