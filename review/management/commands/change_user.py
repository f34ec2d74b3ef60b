"""`manage.py change_user USERNAME`: another role, no access, or an organization that the person belongs to as a client.

What the person had claimed and may not decide any more goes back to its queue.
"""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gateway.management import accounts
from gateway.models import Role, User
from review import claims


class Command(BaseCommand):
    help = (
        "Give an account another role, disable it or enable it again, or say which organizations it belongs to as a "
        "client. Who may decide no more holds no claim any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values)
        access = parser.add_mutually_exclusive_group()
        access.add_argument("--disable", dest="active", action="store_false", default=None)
        access.add_argument("--enable", dest="active", action="store_true", default=None)
        parser.add_argument(
            "--client-of",
            action="append",
            default=[],
            metavar="ORGANIZATION",
            help="an organization that this person belongs to as a client, and whose work is not theirs to decide",
        )
        parser.add_argument("--no-longer-client-of", action="append", default=[], metavar="ORGANIZATION")

    def handle(
        self,
        *_args: Any,
        username: str,
        role: str | None,
        active: bool | None,
        client_of: list[str],
        no_longer_client_of: list[str],
        **_options: Any,
    ) -> None:
        if role is None and active is None and not client_of and not no_longer_client_of:
            raise CommandError("say what to change: --role, --disable, --enable, --client-of or --no-longer-client-of")
        actor = accounts.operator("change_user")
        given_back: tuple[uuid.UUID, ...] = ()
        with transaction.atomic():
            user = accounts.find_user(username)
            for name in no_longer_client_of:
                accounts.leave(user, accounts.find_organization(name), actor=actor)
            for name in client_of:
                organization = accounts.find_organization(name)
                accounts.join(user, organization, actor=actor)
                given_back += claims.drop(user.pk, organization_id=organization.pk)
            if role is not None or active is not None:
                user = accounts.change_user(username, role=role, active=active, actor=actor)
                given_back += self._put_back(user, role)
        if given_back:
            self.stdout.write(f"{len(given_back)} claimed cases went back to their queues")

    def _put_back(self, user: User, role: str | None) -> tuple[uuid.UUID, ...]:
        """A lesser role has fewer lanes: whoever stays a reviewer claims anew by those of the new one."""
        return claims.drop(user.pk) if role is not None or not user.may_review else ()
