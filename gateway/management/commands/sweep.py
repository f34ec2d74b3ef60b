"""`manage.py sweep`: one sweeper; run two or more."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from gateway import sweep
from gateway.notices import sending


class Command(BaseCommand):
    help = (
        "Bring back what was stranded, carry out due decisions, end what is overdue, purge, tell people what waits. "
        "Run two or more."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        stopping: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: stopping.append(received))
        sending.start(lambda: bool(stopping))
        sweep.run(lambda: bool(stopping))
