"""`manage.py create_user USERNAME --role ROLE`: an account for the people's door."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gateway.management import accounts
from gateway.models import Role, User


class Command(BaseCommand):
    help = "Make an account for the people's door. Its password is printed once, unless it came by --password-stdin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--client-of",
            action="append",
            default=[],
            metavar="ORGANIZATION",
            help="an organization that this person belongs to as a client, and whose work is not theirs to decide",
        )
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(
        self, *_args: Any, username: str, role: str, client_of: list[str], password_stdin: bool, **_options: Any
    ) -> None:
        try:
            User.username_validator(username)
        except ValidationError as error:
            raise CommandError(f"username: {error.messages[0]}") from None
        password = sys.stdin.readline().rstrip("\n") if password_stdin else accounts.fresh_password()
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            raise CommandError(f"password: {' '.join(error.messages)}") from None
        actor = accounts.operator("create_user")
        with transaction.atomic():
            user = accounts.make_user(username, role=role, password=password, actor=actor)
            for name in client_of:
                accounts.join(user, accounts.find_organization(name), actor=actor)
        if not password_stdin:
            self.stdout.write(password)
            self.stderr.write("Keep it now: it is not stored. A second factor is asked for at the first sign-in.")
