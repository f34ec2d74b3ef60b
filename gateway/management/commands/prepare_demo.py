"""`manage.py prepare_demo`: what `up` puts into a database that it made itself: an organization, a key, a reviewer."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gateway.management import accounts
from gateway.models import Organization, Role, User

ORGANIZATION = "demo"
REVIEWER = "reviewer"


class Command(BaseCommand):
    help = (
        "Make the demo organization, an API key and a reviewer, and print them as JSON. For a database of `up` alone."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.CONFIGURATION.demo_accounts:
            raise CommandError("demo accounts are made by `manage.py up` alone, in a database that it made itself")
        actor = accounts.operator("prepare_demo")
        password = accounts.fresh_password()
        with transaction.atomic():
            organization = Organization.objects.filter(name=ORGANIZATION).first() or accounts.make_organization(
                ORGANIZATION, actor=actor
            )
            text, _ = accounts.make_key(organization, name="demo", actor=actor)
            self._have_reviewer(password)
        self.stdout.write(
            json.dumps(
                {
                    "api_key": text,
                    "reviewer": REVIEWER,
                    "password": password,
                    "organization": str(organization.pk),
                }
            )
        )

    def _have_reviewer(self, password: str) -> None:
        reviewer = User.objects.filter(username=REVIEWER).first()
        if reviewer is None:
            accounts.make_user(
                REVIEWER,
                role=Role.REVIEWER,
                password=password,
                made_by_up=True,
                actor=accounts.operator("prepare_demo"),
            )
        elif reviewer.made_by_up:
            reviewer.set_password(password)
            reviewer.save(update_fields=["password"])
        else:
            raise CommandError(f"the account {REVIEWER!r} is somebody's own: demo accounts are not made beside it")
