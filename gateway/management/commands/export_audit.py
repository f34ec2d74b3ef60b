"""`manage.py export_audit`: the audit log as JSON Lines."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from gateway.audit import export
from gateway.management import accounts


class Command(BaseCommand):
    help = "Write the audit log as JSON Lines: everybody's, or one organization's as it would get it itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", help="its name or id; everything if absent")
        parser.add_argument("--output", type=Path, help="a file that is not there yet; standard output if absent")

    def handle(self, *_args: Any, organization: str | None, output: Path | None, **_options: Any) -> None:
        of = None if organization is None else accounts.find_organization(organization).pk
        audiences = export.FOR_OPERATOR if of is None else export.FOR_ORGANIZATION
        num_entries = 0
        with _opened(output) as file:
            export.note(of, actor=accounts.operator("export_audit"))
            for line in export.iterate(of, audiences):
                file.write(line)
                num_entries += 1
        self.stderr.write(f"{num_entries} entries")


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """The file, made new and readable by its owner alone, or standard output."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{output}: {error.strerror}") from None
    with open(descriptor, "wb") as file:  # noqa: PTH123 - pathlib cannot set the mode at creation
        yield file
