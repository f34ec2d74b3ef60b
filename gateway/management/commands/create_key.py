"""`manage.py create_key ORGANIZATION`: an API key, shown this once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway.api.keys import SCOPES
from gateway.management import accounts


class Command(BaseCommand):
    help = "Make an API key of an organization and print it. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", help="its name or id")
        parser.add_argument("--name", default="key", help="what you call the key")
        parser.add_argument(
            "--scope",
            action="append",
            choices=sorted(SCOPES),
            help="what it may do; give it again for each; all if absent",
        )
        parser.add_argument("--expires-in-days", type=float, help="after which it works no more; never if absent")

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["expires_in_days"]
        if days is not None and not 0 < days <= 36_500:
            raise CommandError(f"--expires-in-days is {days}: more than 0 and at most 36500")
        if not 1 <= len(options["name"]) <= 200:
            raise CommandError(f"--name has {len(options['name'])} characters: 1 to 200 are taken")
        text, key = accounts.make_key(
            accounts.find_organization(options["organization"]),
            name=options["name"],
            scopes=tuple(options["scope"] or accounts.ALL_SCOPES),
            expires_in_days=days,
            actor=accounts.operator("create_key"),
        )
        self.stdout.write(text)
        self.stderr.write(f"Keep it now: it is not stored. To revoke it: manage.py revoke_key {key.public_id}")
