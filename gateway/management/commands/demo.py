"""`manage.py demo`, for `manage.py help`: manage.py itself hands it to gateway/demo/tell.py."""

import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gateway.demo import tell


class Command(BaseCommand):
    help = "Tell the story against the running doors: released, blocked, held, decided by a person; and prove it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rest", nargs=REMAINDER, help="options of gateway/demo/tell.py")

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(tell.main(options["rest"]))
