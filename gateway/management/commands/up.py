"""`manage.py up`, for `manage.py help`: manage.py itself hands it to gateway/local/up.py."""

import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gateway.local import up


class Command(BaseCommand):
    help = "Run everything on this machine: database, broker and every process, until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rest", nargs=REMAINDER, help="options of gateway/local/up.py")

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(up.main(options["rest"]))
