"""`manage.py score`, for `manage.py help`: manage.py itself hands it to moderation/evaluation/score.py."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from moderation.evaluation import score


class Command(BaseCommand):
    help = "Score a file of prompts or pictures with checkers and policy; needs no database and no secret."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        score.add_options(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(score.score(Namespace(**options)))
