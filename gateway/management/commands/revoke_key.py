"""`manage.py revoke_key PUBLIC_ID`: an API key stops working."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gateway.management import accounts


class Command(BaseCommand):
    help = "Revoke an API key, from the next request on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("public_id", help="the 12 characters after impr_live_; the whole key is taken too")

    def handle(self, *_args: Any, public_id: str, **_options: Any) -> None:
        parts = public_id.split("_")
        key = accounts.revoke_key(
            parts[2] if public_id.startswith("impr_live_") and len(parts) > 2 else public_id,
            actor=accounts.operator("revoke_key"),
        )
        self.stdout.write(f"{key.public_id} is revoked")
