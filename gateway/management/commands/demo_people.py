"""`manage.py demo_people`: an account of every other role, to try the pages that a reviewer does not have."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gateway.management import accounts
from gateway.models import Role, User

# Two officers, since what is sealed opens to two people alone; each account has a password of its own.
PEOPLE = {
    "senior": Role.SENIOR,
    "officer": Role.OFFICER,
    "second-officer": Role.OFFICER,
    "auditor": Role.AUDITOR,
    "operator": Role.OPERATOR,
}


class Command(BaseCommand):
    help = (
        "Make a senior, two officers, an auditor and an operator without second factors, in a database that "
        "`manage.py up` made, and print their passwords; again, and they have new ones."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not User.objects.filter(made_by_up=True).exists():
            raise CommandError("demo accounts are made in a database of `manage.py up` alone: this is none")
        actor = accounts.operator("demo_people")
        passwords = {username: accounts.fresh_password() for username in PEOPLE}
        with transaction.atomic():
            for username, role in PEOPLE.items():
                accounts.have_demo_user(username, role=role, password=passwords[username], actor=actor)
        for username, password in passwords.items():
            self.stdout.write(f"{username:15} {password}")
        self.stderr.write("Let in without a second factor: for a trial, not for an installation that is used.")
