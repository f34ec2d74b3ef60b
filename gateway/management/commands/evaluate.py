"""`manage.py evaluate --decided`; without that, manage.py itself hands it to moderation/evaluation/evaluate.py."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from gateway.decided import decided
from moderation.evaluation import evaluate


class Command(BaseCommand):
    help = "Measure checkers and policies on labelled files, or on what people decided, and write a report with plots."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        evaluate.add_options(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(evaluate.evaluate(Namespace(**options), decided=decided))
