"""`manage.py lift_seal GENERATION`: an officer and a second person found a false alarm; people judge it anew."""

import getpass
import sys
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gateway import lifecycle
from gateway.delivery import envelope, keys
from gateway.errors import GatewayError
from gateway.models import Purpose, Role, Seal, User

SECONDS = (Role.OFFICER, Role.SENIOR)


class Command(BaseCommand):
    help = "Lift a seal that was a false alarm: every sealed picture is held again, for people to judge anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("generation", type=uuid.UUID)
        parser.add_argument("--officer", required=True, help="user name of an officer, whose password is asked for")
        parser.add_argument(
            "--second", required=True, help="user name of another officer or a senior reviewer, likewise"
        )
        parser.add_argument(
            "--key", required=True, type=Path, help="the officers' private key, brought for the occasion"
        )
        parser.add_argument("--why", required=True, help="what was found, in at least 20 characters; kept for officers")

    def handle(
        self, *_args: Any, generation: uuid.UUID, officer: str, second: str, key: Path, why: str, **_options: Any
    ) -> None:
        if officer == second:
            raise CommandError("--second: must be another person than --officer")
        first_person = _signed_in(officer, (Role.OFFICER,))
        second_person = _signed_in(second, SECONDS)
        try:
            access_id = lifecycle.ask_to_open(
                _seal_of(generation), purpose=Purpose.LIFT, reason=why, officer=first_person
            )
            lifecycle.agree_to_open(access_id, second=second_person)
            access = lifecycle.live_access(access_id, purpose=Purpose.LIFT, officer=first_person)
            lifecycle.lift_seal(access, rewrap=_rewrap_with(key), officer=first_person)
        except (GatewayError, keys.KeyFileError, envelope.EnvelopeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The seal of {generation} is lifted: what had bytes is held and waits for people.")


def _seal_of(generation: uuid.UUID) -> uuid.UUID:
    """The newest seal of this generation."""
    seal = Seal.objects.filter(generation=generation).order_by("-id").first()
    if seal is None:
        raise CommandError(f"generation {generation} is not sealed")
    return seal.pk


def _signed_in(username: str, roles: tuple[str, ...]) -> User:
    """The person of this name, who has just given their password."""
    ask = f"Password of {username}: "
    password = getpass.getpass(ask) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None or not person.check_password(password) or person.role not in roles:
        raise CommandError(f"{username}: no such account, a wrong password, or none of the roles {', '.join(roles)}")
    return person


def _rewrap_with(key: Path) -> Any:
    """Item keys, from the officers' to quarantine's readers."""
    public_file = settings.CONFIGURATION.quarantine_public_key_file
    if public_file is None:
        raise CommandError("IMPRIMATUR_QUARANTINE_PUBLIC_KEY_FILE must be set")
    officers, readers = keys.load_private(key), keys.load_public(public_file)
    return lambda _image, wrapped: envelope.rewrap(wrapped, officers, readers)
