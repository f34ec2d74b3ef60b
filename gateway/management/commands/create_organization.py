"""`manage.py create_organization NAME`: a new tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway.management import accounts


class Command(BaseCommand):
    help = "Make an organization and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--weight", type=int, default=1, help="its share of the GPUs against others (1)")
        parser.add_argument("--max-unfinished", type=int, default=1000, help="how much it may have under way (1000)")

    def handle(self, *_args: Any, name: str, weight: int, max_unfinished: int, **_options: Any) -> None:
        if not name.strip() or len(name) > 200:
            raise CommandError(f"name has {len(name)} characters: 1 to 200 are taken")
        if weight < 1 or max_unfinished < 1:
            raise CommandError("--weight and --max-unfinished must be at least 1")
        organization = accounts.make_organization(
            name, weight=weight, max_unfinished=max_unfinished, actor=accounts.operator("create_organization")
        )
        self.stdout.write(str(organization.pk))
