"""`manage.py routing`: which queue a case waits in. Prints what is in force, reads it from a file, moves open cases."""

import sys
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway import lifecycle
from gateway.management import accounts, routing


class Command(BaseCommand):
    help = (
        "Print queues and routing rules as JSON; --file brings the record to such a document, with an entry in the "
        "log for each change; --reroute lets the rules choose again for open cases that nobody has claimed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, help="the document; - reads standard input")
        parser.add_argument("--reroute", action="store_true", help="move open, unclaimed cases where they now belong")

    def handle(self, *_args: Any, file: Path | None, reroute: bool, **_options: Any) -> None:
        if file is not None:
            self._carry_out(file)
        if reroute:
            self._reroute()
        if file is None and not reroute:
            self.stdout.write(routing.in_force().model_dump_json(indent=2, exclude_none=True))

    def _carry_out(self, file: Path) -> None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
            changed = routing.carry_out(routing.read(text), actor=accounts.operator("routing"))
        except (routing.RoutingError, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file}: {error}") from None
        for line in changed or ["nothing to change"]:
            self.stdout.write(line)

    def _reroute(self) -> None:
        rules, actor = lifecycle.Routing.load(), accounts.operator("routing")
        after: uuid.UUID | None = uuid.UUID(int=0)
        seen = moved = 0
        while after is not None:
            batch = lifecycle.reroute(rules, after=after, actor=actor)
            after, seen, moved = batch.next_after, seen + batch.seen, moved + batch.moved
        self.stdout.write(f"{moved} of {seen} open cases moved; what is claimed stays until it is claimed no more")
