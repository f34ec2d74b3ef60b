"""`manage.py prepare_demo`: what `up` puts into a database that it made itself: an organization, a key, a reviewer."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gateway.management import accounts
from gateway.models import Organization, Role

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
            accounts.have_demo_user(REVIEWER, role=Role.REVIEWER, password=password, actor=actor)
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
