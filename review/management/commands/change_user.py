"""`manage.py change_user USERNAME`: another role, or no access. What the person had claimed goes back to its queue."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gateway.management import accounts
from gateway.models import Role
from review import claims


class Command(BaseCommand):
    help = (
        "Give an account another role, disable it or enable it again. Who may decide no more holds no claim any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values)
        access = parser.add_mutually_exclusive_group()
        access.add_argument("--disable", dest="active", action="store_false", default=None)
        access.add_argument("--enable", dest="active", action="store_true", default=None)

    def handle(self, *_args: Any, username: str, role: str | None, active: bool | None, **_options: Any) -> None:
        if role is None and active is None:
            raise CommandError("say what to change: --role, --disable or --enable")
        with transaction.atomic():
            user = accounts.change_user(username, role=role, active=active, actor=accounts.operator("change_user"))
            # A lesser role has fewer lanes: whoever stays a reviewer claims anew by those of the new one.
            given_back = claims.drop(user.pk) if role is not None or not user.may_review else ()
        if given_back:
            self.stdout.write(f"{len(given_back)} claimed cases went back to their queues")
