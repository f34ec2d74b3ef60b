"""`manage.py prepare_database`: roles and database on a PostgreSQL of your own, before `manage.py migrate`."""

import os
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from psycopg.conninfo import conninfo_to_dict

from gateway.local.addresses import ROLES
from gateway.local.roles import prepare_database, prepare_roles


class Command(BaseCommand):
    help = (
        "Have the owner, one role for every process and the database on the PostgreSQL that the DATABASE_URL_<ROLE>s "
        "name, with the passwords they name. Can be repeated; changes passwords when they changed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--admin-url", required=True, help="of a role that may create roles and databases")

    def handle(self, *_args: Any, admin_url: str, **_options: Any) -> None:
        passwords: dict[str, str] = {}
        databases: set[str] = set()
        for role in ROLES:
            variable = f"DATABASE_URL_{role.upper()}"
            if variable not in os.environ:
                raise CommandError(f"{variable} is not set: it names the password that {role} is to have")
            parts = conninfo_to_dict(os.environ[variable])
            if parts.get("user") != role or not parts.get("password"):
                raise CommandError(f"{variable} must name the user {role!r} and a password")
            passwords[role] = str(parts["password"])
            databases.add(str(parts.get("dbname")))
        if len(databases) != 1:
            raise CommandError(f"the DATABASE_URL_<ROLE>s name several databases: {', '.join(sorted(databases))}")
        database = databases.pop()
        try:
            with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as connection:
                prepare_roles(connection, passwords)
                made = prepare_database(connection, database)
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refused: {error}") from None
        self.stdout.write(f"database {database!r} {'made' if made else 'was there'}, {len(passwords)} roles ready")
